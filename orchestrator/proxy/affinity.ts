/** Which clients stay with which backend, read from the table in the kernel before it is replaced. Spec: libnftables-json(5). */
import type { Client } from "./ruleset.ts";

/** By the name of the set. */
export function readClients(table: unknown): ReadonlyMap<string, readonly Client[]> {
  const objects: readonly any[] = (table as any)?.nftables ?? [];
  const sets = objects.flatMap(({ set }) => (set?.name?.startsWith("clients-") === true && set.elem !== undefined ? [set] : []));
  return new Map(
    sets.map(({ name, elem }): [string, readonly Client[]] => [
      name,
      (elem as readonly any[]).flatMap((one) => (one?.elem?.expires > 0 ? [{ address: String(one.elem.val), expires: Number(one.elem.expires) }] : [])),
    ]),
  );
}
