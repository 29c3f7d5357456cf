/** Dockerfiles of further projects' tests. */
import { type FileRow, files, type Row } from "./row.ts";

const PODMAN: readonly FileRow[] = [
  "build/from-scratch/Dockerfile",
  "build/preserve-volumes/Dockerfile",
  "build/volume-perms/Dockerfile",
  "compose/env_and_volume/read/Dockerfile",
  "compose/env_and_volume/write/Dockerfile",
  "compose/images/podman-python/Containerfile",
  "compose/mount_and_label/frontend/Dockerfile",
  "compose/port_map_diff_port/frontend/Dockerfile",
  "compose/simple_port_map/frontend/Dockerfile",
  "compose/uptwice/Dockerfile",
  { file: "e2e/build/Containerfile.with-multiple-secret", secrets: { mysecret: "SOMESECRETDATA\n", mysecret2: "ANOTHERSECRET\n" } },
  "e2e/build/Containerfile.with-platform",
  { file: "e2e/build/Containerfile.with-secret", secrets: { mysecret: "SOMESECRETDATA\n" } },
  "e2e/build/basicalpine/Containerfile",
  "e2e/build/basicalpine/Containerfile.path",
  "e2e/build/basicalpine/Containerfile.volume",
  "e2e/build/envwithtab/Dockerfile",
  { file: "e2e/build/secret-verify-leak/Containerfile.with-secret-verify-leak", secrets: { mysecret: "SOMESECRETDATA\n" } },
  "e2e/build/squash/Dockerfile.squash-a",
  { file: "e2e/build/squash/Dockerfile.squash-b", before: { "test-squash-a": "e2e/build/squash/Dockerfile.squash-a" } },
  "e2e/build/squash/Dockerfile.squash-c",
  "e2e/build/workdir-symlink/Dockerfile",
  "python/docker/build_labels/Dockerfile",
];

const COMPOSE: readonly FileRow[] = [
  "build-args/Dockerfile",
  "build-ctx/Dockerfile",
  "build-memory/Dockerfile",
  "build-multiple-composefile/a/Dockerfile",
  "build-multiple-composefile/b/Dockerfile",
  "build-shm-size/Dockerfile",
  "dockerfile-with-volume/Dockerfile",
  "entrypoint-dockerfile/Dockerfile",
  "flag-as-service-name/Dockerfile",
  "images-service-tag/Dockerfile",
  "simple-dockerfile/Dockerfile",
  "simple-failing-dockerfile/Dockerfile",
  "tagless-image/Dockerfile",
  "v2-full/Dockerfile",
];

/** Those that a linter is to complain about. */
const LINT_EXAMPLES: readonly FileRow[] = ["Dockerfile.misc", "Dockerfile.shell.fail", "Dockerfile.shell.pass"];

export const OTHERS: readonly Row[] = [
  ...files("podman", "test", PODMAN),
  ...files("compose", "tests/fixtures", COMPOSE),
  ...files("containerd", "integration/images", ["volume-copy-up/Dockerfile", "volume-ownership/Dockerfile"]),
  ...files("dockerfilelint", "test/examples", LINT_EXAMPLES),
  ...files("validate-dockerfile", "test/Dockerfiles", ["Dockerfile-0", "Dockerfile-bad"]),
];
