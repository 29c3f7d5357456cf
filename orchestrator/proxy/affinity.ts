/** Which clients stay with which backend, read from the table in the kernel before it is replaced. Spec: libnftables-json(5). */
import type { Client } from "./ruleset.ts";

/** As nft prints it; an element without a time is its value alone. */
interface Ruleset {
  readonly nftables?: readonly { readonly set?: { readonly name?: string; readonly elem?: readonly Element[] } }[];
}

interface Element {
  readonly elem?: { readonly val?: unknown; readonly expires?: unknown };
}

/** By the name of the set. */
export function readClients(table: unknown): ReadonlyMap<string, readonly Client[]> {
  const { nftables = [] } = (table ?? {}) as Ruleset;
  const sets = nftables.flatMap(({ set }) => (set?.name?.startsWith("clients-") === true && set.elem !== undefined ? [{ ...set, elem: set.elem }] : []));
  return new Map(
    sets.map(({ name = "", elem }): [string, readonly Client[]] => [
      name,
      elem.flatMap(({ elem: one }) => (one !== undefined && Number(one.expires) > 0 ? [{ address: String(one.val), expires: Number(one.expires) }] : [])),
    ]),
  );
}
