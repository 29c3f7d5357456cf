/** BuildKit as Debian's docker.io brings it: in dockerd, asked by the client of the same package. */
import { join } from "node:path";
import type { RunCommand } from "../command.ts";
import type { Builder } from "../builder.ts";
import { startDockerd } from "./dockerd.ts";

/** Newer clients want a buildx plug-in for BuildKit. */
const CLIENT = "/usr/bin/docker";

export async function startBuildkit(place: string, run: RunCommand, baseArchive: string): Promise<Builder> {
  const reach = await startDockerd(join(place, "docker"));
  const docker = async (...args: readonly string[]): Promise<string> => await run([CLIENT, ...reach, ...args], { DOCKER_BUILDKIT: "1" });
  await docker("load", "--input", baseArchive);
  return {
    name: "BuildKit",
    reset: async () => {
      await docker("image", "rm", "--force", "strata-bench").catch(() => undefined); // not there before the first build
      await docker("builder", "prune", "--all", "--force");
    },
    build: async ({ context, tag }) => {
      await docker("build", "--quiet", "--tag", tag, context);
    },
  };
}
