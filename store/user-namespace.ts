/** Whether this process is root of a user namespace only: then it may map, mount and own files there, but make no device and no trusted attribute. */
import { readFileSync } from "node:fs";

let nested: boolean | undefined;

export function isInUserNamespace(): boolean {
  return (nested ??= !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "latin1")));
}

/** Who this process is outside of its user namespace. */
export function outerUser(): number {
  const own = process.getuid?.() ?? 0;
  for (const line of readFileSync("/proc/self/uid_map", "latin1").trim().split("\n")) {
    const [inside = 0, outside = 0, size = 0] = line.trim().split(/\s+/).map(Number);
    if (own >= inside && own < inside + size) return outside + own - inside;
  }
  return own;
}
