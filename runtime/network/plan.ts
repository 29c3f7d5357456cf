/** What a network is to be: its subnet, its bridge, its next address. Decides, and does nothing. */
import { randomBytes } from "node:crypto";
import type { PortMapping } from "../networks.ts";
import { RuntimeError } from "../errors.ts";
import { addressAt, chooseServiceRange, chooseSubnet, formatSubnet, gatewayOf, macOf, nextOffset, overlaps, parseSubnet, type Subnet } from "./address.ts";
import { bridgeName, DEFAULT_NETWORK, type Endpoint, type NetworkRecord } from "./record.ts";

/** One character of a link's name. */
const MAX_NETWORKS = 36;

export interface NetworkWish {
  readonly name: string;
  readonly subnet?: string;
  readonly internal?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}

/** `present`: subnets that the machine uses. @throws {RuntimeError} `NETWORK_FAILED`, `SPEC_INVALID` */
export function draftNetwork(tag: string, wish: NetworkWish, others: readonly NetworkRecord[], present: readonly Subnet[]): NetworkRecord {
  const index = freeIndex(wish.name, others);
  const taken = [...present, ...others.map((network) => parseSubnet(network.subnet))];
  const subnet = wish.subnet === undefined ? chooseSubnet(taken) : parseSubnet(wish.subnet);
  if (subnet === undefined) throw failed("create", wish.name, "no subnet is free on this machine");
  if (wish.subnet !== undefined && taken.some((other) => overlaps(other, subnet)))
    throw failed("create", wish.name, `${wish.subnet} is in use on this machine`);
  return {
    name: wish.name,
    id: randomBytes(32).toString("hex"),
    bridge: bridgeName(tag, index),
    subnet: formatSubnet(subnet),
    gateway: gatewayOf(subnet),
    internal: wish.internal ?? false,
    labels: wish.labels ?? {},
    index,
    createdAt: new Date().toISOString(),
    automatic: wish.subnet === undefined,
    lastOffset: 1,
    endpoints: {},
  };
}

function freeIndex(name: string, others: readonly NetworkRecord[]): number {
  if (name === DEFAULT_NETWORK) return 0;
  const used = new Set(others.map((network) => network.index));
  for (let index = 1; index < MAX_NETWORKS; index++) if (!used.has(index)) return index;
  throw failed("create", name, `${MAX_NETWORKS - 1} networks are the most`);
}

/** For a network whose bridge is not there: who was on it is gone, and a subnet that was chosen moves if the machine has taken it meanwhile. */
export function reviveNetwork(network: NetworkRecord, present: readonly Subnet[]): NetworkRecord {
  const empty = { ...network, endpoints: {} };
  const own = parseSubnet(network.subnet);
  if (!present.some((subnet) => overlaps(subnet, own))) return empty;
  const chosen = network.automatic ? chooseSubnet(present) : undefined;
  if (chosen === undefined) throw failed("bring up", network.name, `this machine uses ${network.subnet} already`);
  return { ...empty, subnet: formatSubnet(chosen), gateway: gatewayOf(chosen) };
}

/** The range that services had, where the machine does not use it otherwise; else one that is free. */
export function planServiceRange(kept: Subnet | undefined, present: readonly Subnet[]): Subnet | undefined {
  return kept !== undefined && !present.some((subnet) => overlaps(subnet, kept)) ? kept : chooseServiceRange(present);
}

/** An owner that is on it keeps its address. */
export function addEndpoint(
  network: NetworkRecord,
  wanted: { readonly owner: string; readonly names: readonly string[] },
  ports: readonly PortMapping[],
): { readonly record: NetworkRecord; readonly endpoint: Endpoint } {
  const subnet = parseSubnet(network.subnet);
  const used = new Set(Object.values(network.endpoints).map((endpoint) => endpoint.offset));
  const offset = network.endpoints[wanted.owner]?.offset ?? nextOffset(subnet, used, network.lastOffset);
  if (offset === undefined) throw failed("attach to", network.name, `no address is free in ${network.subnet}`);
  const address = addressAt(subnet, offset);
  const endpoint: Endpoint = { owner: wanted.owner, offset, address, mac: macOf(address), names: wanted.names, ports };
  return { endpoint, record: { ...network, lastOffset: offset, endpoints: { ...network.endpoints, [wanted.owner]: endpoint } } };
}

function failed(verb: string, name: string, found: string): RuntimeError {
  return new RuntimeError("NETWORK_FAILED", `Cannot ${verb} network ${JSON.stringify(name)}: ${found}`);
}
