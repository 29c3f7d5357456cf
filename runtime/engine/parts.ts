/** What every piece of the engine works with, and where its files are. */
import { join } from "node:path";
import type { Store } from "../../store/store.ts";
import type { Table } from "../../store/tables.ts";
import type { NetworkParts } from "../network/attach.ts";
import type { Chain } from "../network/cni/chain.ts";
import type { Processes } from "../process.ts";
import type { VolumeParts } from "../volume/volumes.ts";
import type { Records } from "./records.ts";
import type { SandboxRecord } from "./sandbox-record.ts";

/** Paths of the native programs. */
export interface Programs {
  /** Makes containers and monitors them: strata-helper. */
  readonly helper: string;
  /** Pid 1 of containers that want one, and what waits beside them: strata-minder. */
  readonly minder: string;
  /** Links, addresses and flows: strata-network. */
  readonly network: string;
  /** Answers containers that ask for others by name: strata-names. */
  readonly names: string;
  /** Listens on [::1] for published ports: strata-loopback. */
  readonly loopback: string;
  /** What the store makes of files: strata-tree. */
  readonly tree: string;
}

export interface Parts {
  readonly root: string;
  readonly runRoot: string;
  readonly programs: Programs;
  /** argv that runs this program again. */
  readonly self: readonly string[];
  readonly tag: string;
  readonly store: Store;
  readonly processes: Processes;
  readonly records: Records;
  readonly network: NetworkParts;
  readonly volumes: VolumeParts;
  readonly sandboxes: Table<SandboxRecord>;
  /** Tells who waits what for. */
  readonly notice?: ((text: string) => void) | undefined;
  /** Chains of plugins that are to be undone, by owner. */
  readonly cni: Table<Chain>;
}

export function containersFolder(parts: { readonly root: string }): string {
  return join(parts.root, "containers");
}

/** init/, hosts, hostname, resolv.conf and the log of one container. */
export function containerFolder(parts: { readonly root: string }, id: string): string {
  return join(parts.root, "containers", id);
}

/** There while a container holds what `settle` gives back. */
export function markerPath(parts: { readonly runRoot: string }, id: string): string {
  return join(parts.runRoot, "unsettled", id);
}

export function snapshotKey(id: string): string {
  return `container-${id}`;
}

export function lockName(parts: { readonly tag: string }, id: string): string {
  return `container-${parts.tag}-${id}`;
}
