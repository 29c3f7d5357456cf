/** What is stored of networks, and the names that the kernel knows them by. */
import type { Network, NetworkEndpoint, PortMapping } from "../networks.ts";

export const DEFAULT_NETWORK = "bridge";

export interface Endpoint extends NetworkEndpoint {
  /** Container or sandbox. */
  readonly owner: string;
  readonly offset: number;
  /** The link's name in the owner's namespace. */
  readonly device: string;
  readonly ports: readonly PortMapping[];
}

export interface NetworkRecord extends Network {
  /** Tells the bridges of one root apart. */
  readonly index: number;
  /** The subnet was chosen, not asked for: it may move while nobody uses it. */
  readonly automatic: boolean;
  readonly lastOffset: number;
  readonly endpoints: Readonly<Record<string, Endpoint>>;
}

export function bridgeName(tag: string, index: number): string {
  return `st${tag}${index}`;
}

/** At most 15 characters: st, tag, v, network, offset. */
export function linkName(tag: string, index: number, offset: number): string {
  return `st${tag}v${index.toString(36)}${offset.toString(16)}`;
}

export function tableName(tag: string): string {
  return `strata_${tag}`;
}

/** Not of the names that belong to networks: those without endpoint are swept. */
export function serviceLinkName(tag: string): string {
  return `sv${tag}`;
}

export function serviceTableName(tag: string): string {
  return `${tableName(tag)}_services`;
}
