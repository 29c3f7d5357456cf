/** Leases are records like any other: the collection finds the digests in them. An ephemeral one names its process and is swept with it. */
import { isAbandoned, ownedName } from "../owner.ts";
import type { ChainID, Leases } from "../store.ts";
import type { Table } from "../tables.ts";
import type { Digest } from "../digest.ts";

export interface LeaseRecord {
  readonly chains: readonly ChainID[];
  readonly digests: readonly Digest[];
  /** Of an ephemeral lease. */
  readonly owner?: string;
}

export function openLeases(table: Table<LeaseRecord>): Leases {
  return {
    async hold(name, { chains = [], digests = [] }, { ephemeral = false } = {}) {
      await table.put(name, { chains, digests, ...(ephemeral ? { owner: ownedName() } : {}) });
    },
    release: async (name) => await table.remove(name),
    list: () => table.list().map(([name]) => name),
  };
}

/** Before marking: what dead processes held. */
export async function dropAbandoned(table: Table<LeaseRecord>): Promise<void> {
  for (const [name, { owner }] of table.list()) if (owner !== undefined && isAbandoned(owner)) await table.remove(name);
}
