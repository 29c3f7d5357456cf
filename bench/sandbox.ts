/**
 * Namespaces and a file system of its own for everything that is measured: what daemons leave in mounts, links and
 * firewall rules goes with them. They end when the process that opened them does, however it ends: the one inside waits
 * for the end of its input.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, rmdirSync } from "node:fs";
import { join } from "node:path";

/** Name of the folders and of the cgroup. */
export const BENCH_PREFIX = "strata-bench";

const PLACE = "/var/tmp";
const CGROUPS = "/sys/fs/cgroup";

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
  const folder = mkdtempSync(join(PLACE, `${BENCH_PREFIX}-${process.pid}-`));
  const work = join(folder, "work");
  mkdirSync(work);
  const namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const inside = spawn("unshare", [...namespaces, "sh", "-c", INSIDE, "sh", folder, on, ...argv, work], {
    stdio: ["pipe", "inherit", "inherit"],
    detached: true,
  });
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => inside.stdin.end());
  try {
    return await ending(inside);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    sweepCgroups();
  }
}

async function ending(child: ChildProcess): Promise<number> {
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/** Removes what a killed benchmark left. */
function sweep(): void {
  for (const name of readdirSync(PLACE)) {
    const owner = new RegExp(`^${BENCH_PREFIX}-(\\d+)-`).exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) rmSync(join(PLACE, name), { recursive: true, force: true });
  }
  sweepCgroups();
}

function sweepCgroups(): void {
  for (const controller of readdirSync(CGROUPS)) removeCgroup(join(CGROUPS, controller, BENCH_PREFIX));
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
