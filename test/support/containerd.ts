/** A real containerd for tests: Debian's, in a mount namespace of its own, without its plugins for Kubernetes. */
import { execFile, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { removeFolder, temporaryFolder } from "./root.ts";

const run = promisify(execFile);

export interface Containerd extends AsyncDisposable {
  /** Runs Debian's ctr against it. */
  ctr(...args: readonly string[]): Promise<string>;
}

export async function startContainerd(): Promise<Containerd> {
  const folder = temporaryFolder();
  const socket = join(folder, "containerd.sock");
  const config = join(folder, "config.toml");
  writeFileSync(config, configOf(folder, socket));
  const daemon = spawn("unshare", ["--mount", "--fork", "--kill-child", "containerd", "--config", config], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  daemon.stderr.on("data", (data: Buffer) => (said += data.toString()));
  const ended = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  const ctr = async (...args: readonly string[]): Promise<string> => (await run("ctr", ["--address", socket, ...args], { maxBuffer: 64 << 20 })).stdout.trim();
  const dispose = async (): Promise<void> => {
    daemon.kill("SIGKILL");
    await ended;
    removeFolder(folder);
  };
  for (let attempt = 0; attempt < 600 && daemon.exitCode === null; attempt++) {
    if ((await ctr("version").catch(() => undefined)) !== undefined) return { ctr, [Symbol.asyncDispose]: dispose };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await dispose();
  throw new Error(`Cannot start containerd:\n${said.slice(-4000)}`);
}

function configOf(folder: string, socket: string): string {
  return `version = 2
root = "${folder}/content"
state = "${folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "${socket}"
`;
}
