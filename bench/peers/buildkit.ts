/** BuildKit as Debian's docker.io brings it: in dockerd, asked by the client of the same package. */
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunCommand } from "../command.ts";
import { BenchError } from "../errors.ts";
import type { Peer } from "../peer.ts";
import { BENCH_PREFIX } from "../sandbox.ts";

/** Newer clients want a buildx plug-in for BuildKit. */
const CLIENT = "/usr/bin/docker";
const START_TIMEOUT_MS = 30_000;

export async function startBuildkit(place: string, run: RunCommand, baseArchive: string): Promise<Peer> {
  const folder = join(place, "docker");
  const socket = join(folder, "docker.sock");
  mkdirSync(folder);
  const docker = async (...args: readonly string[]): Promise<string> =>
    await run([CLIENT, "--config", join(folder, "config"), "-H", `unix://${socket}`, ...args], { DOCKER_BUILDKIT: "1" });
  await startDaemon(folder, socket, async () => await docker("version"));
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

/** It ends with the sandbox. */
async function startDaemon(folder: string, socket: string, ask: () => Promise<unknown>): Promise<void> {
  const log = join(folder, "log");
  const fd = openSync(log, "a");
  const paths = ["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "pid"), "--host", `unix://${socket}`];
  const daemon = spawn("dockerd", [...paths, "--storage-driver", "overlay2", "--cgroup-parent", `/${BENCH_PREFIX}/docker`], { stdio: ["ignore", fd, fd] });
  closeSync(fd);
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!existsSync(socket) || (await ask().catch(() => undefined)) === undefined) {
    if (daemon.exitCode !== null || performance.now() > deadline) throw new BenchError(`Cannot start dockerd:\n${readFileSync(log, "utf8").slice(-4000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
