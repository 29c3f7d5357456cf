/** Flags of other runtimes that strata-runtime knows and refuses by name: nobody shall take them for done. */
import { RuntimeError } from "../../runtime/errors.ts";

const WHY = {
  noPivot: ["--no-pivot", "the root is always changed by pivot_root, also on a ramdisk"],
  cgroup: ["--cgroup", "a program runs in its container's own cgroups"],
  ignorePaused: ["--ignore-paused", "in a frozen container nothing can run: resume it first"],
  l3CacheSchema: ["--l3-cache-schema", "Intel's resource director is not supported"],
  memBwSchema: ["--mem-bw-schema", "Intel's resource director is not supported"],
} as const;

export type RefusedFlags = { readonly [Name in keyof typeof WHY]?: unknown };

/** @throws {RuntimeError} `UNSUPPORTED` */
export function refuseFlags(flags: RefusedFlags): void {
  for (const [name, [flag, why]] of Object.entries(WHY)) {
    const given = flags[name as keyof RefusedFlags];
    if (given !== undefined && given !== false) throw new RuntimeError("UNSUPPORTED", `Cannot use ${flag}: ${why}`);
  }
}
