/** What commands do in passing: a container's server of names that was killed comes back. */
import type { ContainerRecord } from "../engine.ts";
import { isServing } from "../network/names.ts";
import { serveNamesOf } from "./hosts.ts";
import { tryLock } from "./lock.ts";
import { lockName, type Parts } from "./parts.ts";

/** Idempotent; never throws: whoever looks at a container has come for something else. */
export async function careForNames(parts: Parts, record: ContainerRecord): Promise<void> {
  if (isServing(parts, record.id)) return;
  const held = tryLock(lockName(parts, record.id));
  if (held === undefined) return; // it is being started, or ended
  try {
    await serveNamesOf(parts, record, record.network);
  } catch {
    // its namespace has just gone
  } finally {
    await held[Symbol.asyncDispose]();
  }
}
