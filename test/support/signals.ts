/** Whether a process has set up its handler of a signal: one that comes before would end it. */
import { readFileSync } from "node:fs";
import { constants } from "node:os";

export function catches(pid: number, signal: NodeJS.Signals): boolean {
  const caught = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0"}`);
  return (caught & (1n << BigInt(constants.signals[signal] - 1))) !== 0n;
}
