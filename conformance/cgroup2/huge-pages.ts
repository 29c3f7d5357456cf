/** Runs in the machine: linux.resources.hugepageLimits of bundles that strata-runtime runs, and how many pages their programs get. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { DEFAULT_MOUNTS } from "../../runtime/defaults.ts";
import type { Resources, Spec } from "../../runtime/spec.ts";
import type { Say } from "./say.ts";

const COMMAND = "/strata/bin/strata-runtime.js";
const PAGES = 6;
const LIMIT = 4 << 20;
const LIMITED: Resources = { hugepageLimits: [{ pageSize: "2MB", limit: LIMIT }] };

export async function hugePages(say: Say): Promise<void> {
  say("huge pages that the machine has", "8", readFileSync("/proc/sys/vm/nr_hugepages", "utf8").trim());
  const files = ["hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"].map((name) => `/sys/fs/cgroup/${name}`);
  say("hugetlb.2MB.max and rsvd.max of 4 MiB", `${LIMIT} ${LIMIT}`, run(["cat", ...files], LIMITED).replaceAll("\n", " "));
  say("huge pages of a program without a limit", String(PAGES), run(["huge-pages", String(PAGES)], {}));
  say("of one with 4 MiB, reserved by mmap", "2, then ENOMEM", run(["huge-pages", String(PAGES)], LIMITED));
  say("of one with 4 MiB, taken when written to", "2, then SIGBUS", run(["huge-pages", String(PAGES), "noreserve"], LIMITED));
  say("huge pages free again", "8", /HugePages_Free:\s+(\d+)/.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] ?? "");
}

let count = 0;

/** What the program printed. */
function run(args: readonly string[], resources: Resources): string {
  const bundle = `/tmp/huge-${++count}`;
  mkdirSync(`${bundle}/rootfs/bin`, { recursive: true });
  for (const name of ["proc", "sys", "dev"]) mkdirSync(`${bundle}/rootfs/${name}`);
  cpSync("/bin/busybox", `${bundle}/rootfs/bin/busybox`);
  cpSync("/bin/huge-pages", `${bundle}/rootfs/bin/huge-pages`);
  symlinkSync("busybox", `${bundle}/rootfs/bin/cat`);
  const spec: Spec = {
    ociVersion: "1.2.0",
    root: { path: "rootfs" },
    mounts: DEFAULT_MOUNTS.filter((mount) => mount.type !== "mqueue"),
    process: { user: { uid: 0, gid: 0 }, args, env: ["PATH=/bin"], cwd: "/" },
    linux: { namespaces: (["pid", "mount", "cgroup"] as const).map((type) => ({ type })), resources },
  };
  writeFileSync(`${bundle}/config.json`, JSON.stringify(spec));
  const { stdout, stderr, status } = spawnSync(process.execPath, [COMMAND, "run", "--bundle", bundle, `huge${count}`], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : `${String(status)}: ${stdout}${stderr}`;
}
