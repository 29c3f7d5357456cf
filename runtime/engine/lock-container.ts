/** The lock of one container: what changes it is done by one at a time. Who waits long for it is told what for. */
import type { Holder } from "./lock-holders.ts";
import { type Lock, lock } from "./lock.ts";
import { lockName, type Parts } from "./parts.ts";

/** Most of what is done under it takes less. */
const SLOW_MS = 3_000;

export async function lockContainer(parts: Parts, id: string): Promise<Lock> {
  const { notice } = parts;
  if (notice === undefined) return await lock(lockName(parts, id));
  return await lock(lockName(parts, id), {
    slowMs: SLOW_MS,
    whenSlow: (): void => void explain(parts, id, notice).catch(() => {}), // it is a courtesy
  });
}

async function explain(parts: Parts, id: string, notice: (text: string) => void): Promise<void> {
  const { findHolders } = await import("./lock-holders.ts");
  const why = reason(await findHolders(lockName(parts, id)));
  notice(`waiting for container ${parts.records.get(id)?.name ?? id}: ${why}`);
}

function reason(holders: readonly Holder[]): string {
  const plugin = holders.find(({ plugin }) => plugin !== undefined)?.plugin;
  const command = holders.find((holder) => holder.plugin === undefined);
  if (plugin !== undefined && command === undefined) return `the CNI plugin ${plugin}, begun by a command that was killed, has not ended; it has two minutes`;
  if (plugin !== undefined) return `process ${command?.pid} waits for the CNI plugin ${plugin}, which has two minutes`;
  return command === undefined ? "another process works on it" : `process ${command.pid} (${command.name}) works on it`;
}
