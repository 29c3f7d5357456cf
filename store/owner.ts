/** Names for unfinished work: who owns it can be told from the name, and whether that process still lives. */
import { readdirSync, readlinkSync } from "node:fs";
import { randomHex } from "../system/digest.ts";
import { isAlive, startTimeOf } from "./process-id.ts";

/** Of the namespace that all others are in: from there every process is seen. As in the kernel's proc_ns.h. */
const INITIAL_NAMESPACE = String(0xeffffffc);

let own: string | undefined;

/** `<pid>.<start time>.<pid namespace>.<random>`: the first three name a process for good. */
export function ownedName(): string {
  own ??= `${process.pid}.${startTimeOf(process.pid) ?? 0}.${namespaceOf("self")}`;
  return `${own}.${randomHex(6)}`;
}

/** True when `name` was made by `ownedName` in a process that is gone. Processes that cannot be seen from here count as living. */
export function isAbandoned(name: string): boolean {
  const [, pid, startTime, namespace] = /^(\d+)\.(\d+)\.(\d+)\.[0-9a-f]+$/.exec(name) ?? [];
  if (pid === undefined) return false;
  const here = namespaceOf("self");
  if (namespace === here) return !isAlive(Number(pid), Number(startTime));
  return here === INITIAL_NAMESPACE && !isNamespaceAlive(namespace ?? "");
}

/** Looked for anew each time: a namespace may be younger than this process. */
function isNamespaceAlive(namespace: string): boolean {
  return readdirSync("/proc").some((name) => /^\d+$/.test(name) && namespaceOf(name) === namespace);
}

function namespaceOf(pid: string): string {
  try {
    return /\d+/.exec(readlinkSync(`/proc/${pid}/ns/pid`))?.[0] ?? "";
  } catch {
    return ""; // ended meanwhile
  }
}
