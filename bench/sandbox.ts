/**
 * Namespaces and a file system of its own for everything that is measured: what daemons leave in mounts, links and
 * firewall rules goes with them. They end when the process that opened them does, however it ends: the one inside waits
 * for the end of its input.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, rmdirSync } from "node:fs";
import { join } from "node:path";

/** Names of folders and cgroups begin with it; the number of the process that opened the sandbox follows. */
const PREFIX = "strata-bench";
const OWNED = new RegExp(`^${PREFIX}-(\\d+)(?:-|$)`);

const PLACE = "/var/tmp";
const CGROUPS = "/sys/fs/cgroup";
const CGROUP_VARIABLE = "STRATA_BENCH_CGROUP";

/** Path of the sandbox's own cgroup, for the daemons inside. */
export function benchCgroup(): string {
  return `/${process.env[CGROUP_VARIABLE] ?? PREFIX}`;
}

/** crun 1.8 and containerd take a hybrid tree for cgroup v2 where they see `unified`. The shell reaps what loses its parent. */
const INSIDE = `
set -e
folder=$1; on=$2; shift 2
mount --make-rprivate /
umount /sys/fs/cgroup/unified 2>/dev/null || true
if [ "$on" = ext4 ]; then
  truncate -s 32G "$folder/disk"
  mkfs.ext4 -q "$folder/disk"
  mount -o loop,noinit_itable "$folder/disk" "$folder/work"
else
  mount -t tmpfs -o size=90% tmpfs "$folder/work"
fi
mount -t tmpfs -o mode=755 tmpfs /run
for state in /etc/docker /var/lib/cni /var/lib/containers; do
  if [ -d "$state" ]; then mount -t tmpfs tmpfs "$state"; fi
done
ip link set lo up
exec 3<&0
"$@" <&3 &
wait $!
`;

/** Runs `argv` inside, with the path of its empty work folder added, and removes everything after it. Gives its exit status. */
export async function runInSandbox(argv: readonly string[], on: "ext4" | "tmpfs"): Promise<number> {
  sweep();
  const folder = mkdtempSync(join(PLACE, `${PREFIX}-${process.pid}-`));
  const work = join(folder, "work");
  mkdirSync(work);
  const namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const inside = spawn("unshare", [...namespaces, "sh", "-c", INSIDE, "sh", folder, on, ...argv, work], {
    stdio: ["pipe", "inherit", "inherit"],
    detached: true,
    env: { ...process.env, [CGROUP_VARIABLE]: `${PREFIX}-${process.pid}` },
  });
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => inside.stdin.end());
  try {
    return await ending(inside);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    sweepCgroups((owner) => owner === process.pid);
  }
}

async function ending(child: ChildProcess): Promise<number> {
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/** Removes what killed ones left. Others may be at work. */
function sweep(): void {
  const isGone = (owner: number): boolean => !existsSync(`/proc/${owner}`);
  for (const name of readdirSync(PLACE)) if (isOwned(name, isGone)) rmSync(join(PLACE, name), { recursive: true, force: true });
  sweepCgroups(isGone);
}

function sweepCgroups(by: (owner: number) => boolean): void {
  for (const controller of readdirSync(CGROUPS, { withFileTypes: true })) {
    if (!controller.isDirectory()) continue;
    const path = join(CGROUPS, controller.name);
    for (const name of readdirSync(path)) if (isOwned(name, by)) removeCgroup(join(path, name));
  }
}

function isOwned(name: string, by: (owner: number) => boolean): boolean {
  const owner = OWNED.exec(name)?.[1];
  return owner !== undefined && by(Number(owner));
}

/** Depth first; the kernel's files in a cgroup go with it. */
function removeCgroup(path: string): void {
  if (!existsSync(path)) return;
  for (const child of readdirSync(path, { withFileTypes: true })) if (child.isDirectory()) removeCgroup(join(path, child.name));
  try {
    rmdirSync(path);
  } catch (error) {
    process.stderr.write(`bench: cannot remove ${path}: ${String(error)}\n`);
  }
}
