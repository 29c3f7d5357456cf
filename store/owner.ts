/** Names for unfinished work: who owns it can be told from the name, and whether that process still lives. */
import { randomBytes } from "node:crypto";
import { isAlive, startTimeOf } from "./process-id.ts";

let own: string | undefined;

/** `<pid>.<start time>.<random>`: pid and start time name a process for good. */
export function ownedName(): string {
  own ??= `${process.pid}.${startTimeOf(process.pid) ?? 0}`;
  return `${own}.${randomBytes(6).toString("hex")}`;
}

/** True when `name` was made by `ownedName` in a process that is gone. */
export function isAbandoned(name: string): boolean {
  const match = /^(\d+)\.(\d+)\.[0-9a-f]+$/.exec(name);
  return match !== null && !isAlive(Number(match[1]), Number(match[2]));
}
