/** Whether this process is root of a user namespace only: then it may map, mount and own files there, but make no device and no trusted attribute. */
import { readFileSync } from "node:fs";

let nested: boolean | undefined;

export function isInUserNamespace(): boolean {
  return (nested ??= !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "latin1")));
}
