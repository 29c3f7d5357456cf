/** What commands do in passing: servers of a container that were killed come back, the one of names and the one of ports on [::1]. */
import type { ContainerRecord } from "../engine.ts";
import { isLoopbackLost, loopbackFile, reviveLoopback } from "../network/loopback.ts";
import { hasNames, isServing } from "../network/names.ts";
import { userModeLoopback } from "../network/user-mode-address.ts";
import { serveNamesOf } from "./hosts.ts";
import { tryLock } from "./lock.ts";
import { lockName, type Parts } from "./parts.ts";

/** Idempotent; never throws: whoever looks at a container has come for something else. */
export async function careForServers(parts: Parts, record: ContainerRecord): Promise<void> {
  const isNameless = isNamed(record.network.endpoints) && !isServing(parts, record.id);
  const lost = [loopbackFile(parts, record.id), userModeLoopback(parts, record.id)].filter(isLoopbackLost);
  if (!isNameless && lost.length === 0) return;
  const held = tryLock(lockName(parts, record.id));
  if (held === undefined) return; // it is being started, or ended
  try {
    await Promise.allSettled([
      ...(isNameless ? [serveNamesOf(parts, record, record.network)] : []), // or its namespace has just gone
      ...lost.map(async (file) => await reviveLoopback(parts.programs.loopback, file)), // or a program has taken its port meanwhile
    ]);
  } finally {
    await held[Symbol.asyncDispose]();
  }
}

function isNamed(endpoints: ContainerRecord["network"]["endpoints"]): boolean {
  return endpoints?.some(({ network }) => hasNames(network)) === true;
}
