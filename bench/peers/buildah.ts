/** buildah as Debian ships it, with its layer cache on. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunCommand } from "../command.ts";
import type { Builder } from "../builder.ts";
import { benchCgroup } from "../sandbox.ts";

/** Without limits of its own buildah asks for more open files than a container's root may have. */
const CONFIGURATION = `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
cgroup_manager = "cgroupfs"
`;

export function startBuildah(place: string, run: RunCommand, baseArchive: string): Builder {
  const folder = join(place, "buildah");
  mkdirSync(folder);
  writeFileSync(join(folder, "containers.conf"), CONFIGURATION);
  const store = ["--root", join(folder, "root"), "--runroot", join(folder, "run"), "--storage-driver", "overlay"];
  const buildah = async (...args: readonly string[]): Promise<string> =>
    await run(["buildah", ...store, ...args], { CONTAINERS_CONF: join(folder, "containers.conf"), TMPDIR: folder });
  return {
    name: "buildah",
    reset: async () => {
      await buildah("rmi", "--all", "--force");
      await buildah("pull", "--quiet", `docker-archive:${baseArchive}`);
    },
    build: async ({ context, tag }) => {
      await buildah("build", "--quiet", "--layers", "--pull-never", "--cgroup-parent", `${benchCgroup()}/buildah`, "--tag", tag, context);
    },
  };
}
