/** Differences from docker's BuildKit that are meant, each with its reason. What is not here makes the comparison fail. */

export interface Explanation {
  readonly name: string;
  /** Rows that it is for, by name, or all. */
  readonly rows: readonly string[] | "all";
  readonly difference: RegExp;
  readonly reason: string;
  /** Row of the facts about Dockerfiles, or file of docs/decisions, that says so. */
  readonly fact: string;
}

/** Debian's dockerd brings the BuildKit of 2020. Where it has changed since, we are with the newer one. */
const OLD = "BuildKit of docker 20.10";

export const EXPLAINED: readonly Explanation[] = [
  {
    name: "flags in history",
    rows: "all",
    difference: /^history\[\d+\] "(ADD|COPY)(?: --(?:chown|chmod|parents)(?:=\S+)?)+ (.*)" ≠ "\1 \2"$/,
    reason: `${OLD} left the flags of ADD and COPY out of the history; newer ones write them`,
    fact: "16",
  },
  {
    name: "given arguments in history",
    rows: "all",
    difference: /^history\[\d+\] "ARG (\w+)=.* \(no layer\) \(buildkit\.dockerfile\.v0\)" ≠ "ARG \1(?:=.*)? \(no layer\) \(buildkit\.dockerfile\.v0\)"$/,
    reason: `${OLD} left the value of --build-arg out of the history of ARG; newer ones write it`,
    fact: "16",
  },
  {
    name: "health checks in history",
    rows: "all",
    difference: /^history\[\d+\] "HEALTHCHECK \{Test:\[.* ≠ "HEALTHCHECK &\{\[/,
    reason: `${OLD} wrote the check as quoted Go; newer ones write it by the names of its fields`,
    fact: "16",
  },
  {
    name: "ports in history",
    rows: "all",
    difference: /^history\[\d+\] "EXPOSE \[[^\]]*\] \(.* ≠ "EXPOSE map\[/,
    reason: `${OLD} wrote ports as a Go map; newer ones write a list`,
    fact: "16",
  },
  {
    name: "mount points",
    rows: [
      "buildah: tests/bud/buildkit-mount-from/Dockerfilebindfrom",
      "buildah: tests/bud/buildkit-mount-from/Dockerfilebindfromwriteable",
      "buildah: tests/bud/buildkit-mount-from/Dockerfilecachemultiplefrom",
      "buildah: tests/bud/buildkit-mount-from/Dockerfilemultistagefrom",
      "buildah: tests/bud/buildkit-mount-from/Dockerfilemultistagefromcache",
      "buildah: tests/bud/buildkit-mount/Dockerfiletmpfs",
    ],
    difference: /^\/(?:test2?|var\/tmpfs-not-empty): missing ≠ directory$/,
    reason: `${OLD} left the folders in the layer that it had made to mount on; newer ones remove them`,
    fact: "3.10",
  },
  {
    name: "mount points of secrets",
    rows: "all",
    difference: /^\/run\/secrets: missing ≠ directory$/,
    reason: `${OLD} left the folder in the layer that it had made to mount secrets in; newer ones remove it`,
    fact: "3.10",
  },
  {
    name: "mount points of every step",
    rows: ["buildah: tests/bud/dest-final-slash/Dockerfile"],
    difference: /^\/(?:dev|etc|proc|sys): missing ≠ directory$/,
    reason: "RUN on an image without /proc, /sys, /dev and /etc: BuildKit's layer keeps the folders that its runtime mounts on; ours has what the command made",
    fact: "3.10",
  },
  {
    name: "owner of unpacked files",
    rows: ["buildah: tests/bud/cache-chown/Dockerfile.tar1", "buildah: tests/bud/cache-chown/Dockerfile.tar2"],
    difference: /^\/testfile: owner (1:1|2:2) ≠ 2510:2516$/,
    reason: `${OLD} ignored ADD --chown for what it unpacked; newer ones follow it`,
    fact: "4.15",
  },
  {
    name: "exceptions with wildcards",
    rows: [
      "buildah: tests/bud/dockerignore/Dockerfile",
      "buildah: tests/bud/dockerignore/Dockerfile.succeed",
      "buildah: tests/bud/dockerignore6/Dockerfile",
      "buildah: tests/bud/dockerignore6/Dockerfile.succeed",
      "buildah: tests/conformance/testdata/dockerignore/exceptions-skip/Dockerfile",
      "buildah: tests/conformance/testdata/dockerignore/exceptions-weirdness-1/Dockerfile",
      "buildah: tests/conformance/testdata/dockerignore/integration1/Dockerfile",
      "buildah: dockerignore-exclude-kind-of-deep-subdir-dot",
      "buildah: dockerignore-exclude-kind-of-deep-subdir-star",
    ],
    difference: /^(?:BuildKit refuses|\/(?:subdir|newdir\/subdir|volume)(?:\/.*)?: (?:directory|file|symlink) ≠ missing)$/,
    reason: `${OLD} did not look into an ignored folder for the sake of an exception that begins with a wildcard; newer ones do`,
    fact: "5.1",
  },
  {
    name: "folders on the way to nothing",
    rows: [
      "buildah: tests/conformance/testdata/dockerignore/allowlist/subdir-nofile/Dockerfile",
      "buildah: tests/conformance/testdata/dockerignore/allowlist/subsubdir-nofile/Dockerfile",
      "buildah: tests/conformance/testdata/dockerignore/allowlist/subsubdir-nosubdir/Dockerfile",
    ],
    difference: /^(?:strata refuses|\/folder: missing ≠ directory)$/,
    reason: `${OLD} sent an ignored folder that an exception named the way through, also when the exception found nothing; newer ones do not`,
    fact: "5.1",
  },
  {
    name: "archives through their own links",
    rows: ["buildah: tests/conformance/testdata/add/parent-symlink/Dockerfile"],
    difference: /^strata refuses$/,
    reason: "an archive has a link and then a file below that link: docker writes through it, inside the image; we refuse such an archive as hostile",
    fact: "4.15",
  },
  {
    name: "automatic arguments before FROM",
    rows: ["podman: test/e2e/build/Containerfile.with-platform"],
    difference: /^BuildKit refuses$/,
    reason: `ARG TARGETPLATFORM before FROM made it empty in ${OLD}; in newer ones it keeps its automatic value`,
    fact: "2.14",
  },
  {
    name: "several sources, one name",
    rows: ["buildah: tests/bud/copy-globs/Containerfile", "buildah: tests/bud/copy-globs/Containerfile.missing"],
    difference: /^strata refuses$/,
    reason: "several files copied to one that does not end with a slash: BuildKit keeps the last, against its documentation; we refuse, as the classic builder",
    fact: "4.1",
  },
];

export function explanationsOf(name: string): readonly Explanation[] {
  return EXPLAINED.filter(({ rows }) => rows === "all" || rows.includes(name));
}

export function explains({ difference }: Explanation, found: string): boolean {
  return difference.test(found);
}
