/** A real Docker engine for tests: Debian's dockerd in a mount and pid namespace of its own, without bridge or firewall rules. */
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import type { Outcome } from "./cli.ts";
import { removeGroupsBelow } from "./cgroups.ts";
import { removeFolder, temporaryFolder } from "./root.ts";

const run = promisify(execFile);
export interface Dockerd extends AsyncDisposable {
  /** Runs Debian's docker command against this engine. */
  docker(...args: readonly string[]): Promise<string>;
  /** The same, for those who want to see it fail. */
  attempt(...args: readonly string[]): Promise<Outcome>;
  /** Runs a program of this machine in its network. */
  inside(...command: readonly string[]): Promise<string>;
}

export interface DockerdOptions {
  /** What it sees as /etc/docker: `certs.d` is looked for there. */
  readonly etc?: string;
  /** In a network of its own, with which its bridges go; it reaches no registry then. */
  readonly alone?: boolean;
}

export async function startDockerd({ etc = "", alone = false }: DockerdOptions = {}): Promise<Dockerd> {
  const folder = temporaryFolder();
  const socket = join(folder, "docker.sock");
  const group = `${basename(folder)}-dockerd`; // its own: other files' engines come and go meanwhile
  mkdirSync(join(folder, "config"));
  const daemon = spawn(
    "unshare",
    ["--mount", ...(alone ? ["--net"] : []), "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", SCRIPT, "sh", folder, etc, group],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let said = "";
  daemon.stdout.on("data", (data: Buffer) => (said += data.toString()));
  daemon.stderr.on("data", (data: Buffer) => (said += data.toString()));
  /* not before all that it started has let go of its output */
  const ended = new Promise<void>((resolve) => daemon.once("close", () => resolve()));
  const docker = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await run("/usr/bin/docker", ["--config", join(folder, "config"), "-H", `unix://${socket}`, ...args], { maxBuffer: 64 << 20 });
    return stdout.trim();
  };
  const attempt = async (...args: readonly string[]): Promise<Outcome> =>
    await new Promise((resolve) => {
      execFile("/usr/bin/docker", ["--config", join(folder, "config"), "-H", `unix://${socket}`, ...args], (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });
  const inside = async (...command: readonly string[]): Promise<string> =>
    (await run("nsenter", ["--net", "--target", String(daemon.pid), ...command])).stdout.trim();
  const dispose = async (): Promise<void> => {
    daemon.kill("SIGKILL");
    await ended;
    await removeGroupsBelow(group);
    removeFolder(folder);
  };
  for (let look = 0; look < 600; look++) {
    if (existsSync(socket) && (await docker("version").catch(() => undefined)) !== undefined)
      return { docker, attempt, inside, [Symbol.asyncDispose]: dispose };
    if (daemon.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await dispose();
  throw new Error(`Cannot start dockerd:\n${said.slice(-4000)}`);
}

/** One cgroup v1 view only: containerd's libraries take the hybrid tree for v2. */
const SCRIPT = `
mount --make-rprivate /
umount /sys/fs/cgroup/unified 2>/dev/null
mount -t tmpfs tmpfs /run
ip link set lo up # a network of its own begins without
if [ -n "$2" ]; then mkdir -p /etc/docker && mount --bind "$2" /etc/docker; fi
exec dockerd --data-root "$1/data" --exec-root "$1/exec" -p "$1/pid" -H "unix://$1/docker.sock" \
  --bridge none --iptables=false --ip6tables=false --ip-forward=false --storage-driver overlay2 --cgroup-parent "$3"
`;
