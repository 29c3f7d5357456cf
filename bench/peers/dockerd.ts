/** Debian's dockerd, inside the sandbox. */
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { BenchError } from "../errors.ts";
import { benchCgroup } from "../sandbox.ts";

const START_TIMEOUT_MS = 30_000;

/** Arguments with which docker's client reaches it. `folder` is made; the daemon ends with the sandbox. */
export async function startDockerd(folder: string): Promise<readonly string[]> {
  const socket = join(folder, "docker.sock");
  mkdirSync(folder);
  const log = join(folder, "log");
  const fd = openSync(log, "a");
  const paths = ["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "pid"), "--host", `unix://${socket}`];
  const daemon = spawn("dockerd", [...paths, "--storage-driver", "overlay2", "--cgroup-parent", `${benchCgroup()}/docker`], { stdio: ["ignore", fd, fd] });
  closeSync(fd);
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!existsSync(socket) || !(await answers(socket))) {
    if (daemon.exitCode !== null || performance.now() > deadline) throw new BenchError(`Cannot start dockerd:\n${readFileSync(log, "utf8").slice(-4000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return ["--config", join(folder, "config"), "-H", `unix://${socket}`];
}

/** Its socket is there before it takes requests. */
async function answers(socket: string): Promise<boolean> {
  const ask = request({ socketPath: socket, path: "/_ping" });
  return await new Promise((resolve) => {
    ask.once("error", () => resolve(false));
    ask.once("response", (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ask.end();
  });
}
