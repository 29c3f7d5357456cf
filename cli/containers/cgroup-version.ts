/** Which control groups this machine has: `2` where the whole tree is the second version's, else `1`. */
import { existsSync } from "node:fs";

export function cgroupVersion(): "1" | "2" {
  return existsSync("/sys/fs/cgroup/cgroup.controllers") ? "2" : "1";
}
