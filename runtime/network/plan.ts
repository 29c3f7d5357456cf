/** What a network is to be: its subnet, its bridge, its next address. Decides, and does nothing. */
import { randomHex, sha256Hex } from "../../system/digest.ts";
import type { NetworkWish, PortMapping } from "../networks.ts";
import { RuntimeError } from "../errors.ts";
import {
  addressAt,
  chooseServiceRange,
  chooseSubnet,
  formatSubnet,
  gatewayOf,
  macOf,
  nextOffset,
  overlaps,
  parseAddress,
  parseSubnet,
  type Subnet,
} from "./address.ts";
import { addressAt6, contains6, formatSubnet6, normalAddress6, overlaps6, parseSubnet6 } from "./address6.ts";
import { bridgeName, DEFAULT_NETWORK, type Endpoint, type NetworkRecord } from "./record.ts";

/** One character of a link's name. */
const MAX_NETWORKS = 36;

/** The default network is shown before it is made, and has the same id then. */
export function defaultID(tag: string): string {
  return sha256Hex(`${tag} ${DEFAULT_NETWORK}`);
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
    id: wish.name === DEFAULT_NETWORK ? defaultID(tag) : randomHex(32),
    bridge: bridgeName(tag, index),
    subnet: formatSubnet(subnet),
    gateway: gatewayIn(subnet, wish),
    internal: wish.internal ?? false,
    labels: wish.labels ?? {},
    ...(wish.ipRange !== undefined && { ipRange: rangeIn(subnet, wish.ipRange) }),
    ...(wish.reserved !== undefined && { reserved: wish.reserved }),
    ...(wish.attachable !== undefined && { attachable: wish.attachable }),
    ...(wish.options !== undefined && { options: wish.options }),
    ...sixth(wish, others),
    index,
    createdAt: new Date().toISOString(),
    automatic: wish.subnet === undefined,
    lastOffset: 1,
    endpoints: {},
  };
}

/** @throws {RuntimeError} `SPEC_INVALID` */
function gatewayIn(subnet: Subnet, { gateway }: NetworkWish): string {
  if (gateway === undefined) return gatewayOf(subnet);
  if (offsetIn(subnet, gateway) === undefined)
    throw new RuntimeError("SPEC_INVALID", `Cannot use the gateway ${gateway}: it is not in ${formatSubnet(subnet)}`);
  return gateway;
}

function rangeIn(subnet: Subnet, text: string): string {
  const [address = "", length = ""] = text.split("/");
  const base = parseAddress(address);
  const prefix = Number(length);
  if (base === undefined || !(prefix >= subnet.prefix && prefix <= 32) || !overlaps(subnet, { base, prefix }))
    throw new RuntimeError("SPEC_INVALID", `Cannot choose addresses from ${JSON.stringify(text)}: it is no part of ${formatSubnet(subnet)}`);
  return text;
}

/** IPv6 where a subnet is given. @throws {RuntimeError} `SPEC_INVALID`, `NETWORK_FAILED` */
function sixth({ name, subnet6, gateway6 }: NetworkWish, others: readonly NetworkRecord[]): Pick<NetworkRecord, "subnet6" | "gateway6"> {
  if (subnet6 === undefined) return {};
  const subnet = parseSubnet6(subnet6);
  if (others.some((other) => other.subnet6 !== undefined && overlaps6(parseSubnet6(other.subnet6), subnet)))
    throw failed("create", name, `${subnet6} is another network's`);
  if (gateway6 !== undefined && !contains6(subnet, gateway6))
    throw new RuntimeError("SPEC_INVALID", `Cannot use the gateway ${gateway6}: it is not in ${subnet6}`);
  return { subnet6: formatSubnet6(subnet), gateway6: gateway6 === undefined ? addressAt6(subnet, 1) : normalAddress6(gateway6) };
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
  wanted: EndpointWish,
  ports: readonly PortMapping[],
): { readonly record: NetworkRecord; readonly endpoint: Endpoint } {
  const subnet = parseSubnet(network.subnet);
  const known = network.endpoints[wanted.owner];
  const offset = known?.offset ?? (wanted.ip === undefined ? chosenOffset(network, subnet) : askedOffset(network, subnet, wanted.ip));
  const address = addressAt(subnet, offset);
  const address6 = known?.address6 ?? sixthAddress(network, offset, wanted.ip6);
  const endpoint: Endpoint = {
    owner: wanted.owner,
    offset,
    address,
    ...(address6 !== undefined && { address6 }),
    mac: wanted.mac ?? macOf(address),
    device: wanted.device ?? "eth0",
    names: wanted.names,
    ports,
  };
  const lastOffset = wanted.ip === undefined ? offset : network.lastOffset;
  return { endpoint, record: { ...network, lastOffset, endpoints: { ...network.endpoints, [wanted.owner]: endpoint } } };
}

export interface EndpointWish {
  readonly owner: string;
  readonly names: readonly string[];
  readonly ip?: string;
  readonly ip6?: string;
  readonly mac?: string;
  readonly device?: string;
}

function takenOffsets(network: NetworkRecord, subnet: Subnet): ReadonlySet<number> {
  const others = [network.gateway, ...Object.values(network.reserved ?? {})].map((address) => offsetIn(subnet, address));
  return new Set([...Object.values(network.endpoints).map(({ offset }) => offset), ...others].filter((offset) => offset !== undefined));
}

function chosenOffset(network: NetworkRecord, subnet: Subnet): number {
  const used = takenOffsets(network, subnet);
  const offset = network.ipRange === undefined ? nextOffset(subnet, used, network.lastOffset) : firstInRange(subnet, network.ipRange, used);
  if (offset === undefined) throw failed("attach to", network.name, `no address is free in ${network.ipRange ?? network.subnet}`);
  return offset;
}

function firstInRange(subnet: Subnet, text: string, used: ReadonlySet<number>): number | undefined {
  const [address = "", prefix = ""] = text.split("/");
  const size = 2 ** (32 - Number(prefix));
  const start = (parseAddress(address) ?? 0) - subnet.base;
  const first = start - (start % size);
  for (let offset = Math.max(first, 1); offset < first + size; offset++) if (!used.has(offset)) return offset;
  return undefined;
}

/** As docker: a subnet that was chosen may move, so addresses in it cannot be asked for. */
function askedOffset(network: NetworkRecord, subnet: Subnet, ip: string): number {
  if (network.automatic)
    throw failed("attach to", network.name, `the address ${ip} can be asked for only where 'network create --subnet' said what the subnet is`);
  const offset = offsetIn(subnet, ip);
  if (offset === undefined) throw failed("attach to", network.name, `the address ${ip} is not in ${network.subnet}`);
  if (takenOffsets(network, subnet).has(offset)) throw failed("attach to", network.name, `the address ${ip} is in use`);
  return offset;
}

/** Undefined for what is not in it, and for its first and last one, which are nobody's. */
function offsetIn(subnet: Subnet, text: string): number | undefined {
  const address = parseAddress(text);
  const offset = address === undefined ? -1 : address - subnet.base;
  return offset > 0 && offset < 2 ** (32 - subnet.prefix) - 1 ? offset : undefined;
}

/** The same offset as in IPv4, unless one is asked for. */
function sixthAddress(network: NetworkRecord, offset: number, asked: string | undefined): string | undefined {
  if (network.subnet6 === undefined) {
    if (asked !== undefined) throw failed("attach to", network.name, `the address ${asked} is asked for, but it has no IPv6`);
    return undefined;
  }
  const subnet = parseSubnet6(network.subnet6);
  const used = new Set([network.gateway6, ...Object.values(network.endpoints).map(({ address6 }) => address6)]);
  if (asked !== undefined) {
    if (!contains6(subnet, asked)) throw failed("attach to", network.name, `the address ${asked} is not in ${network.subnet6}`);
    if (used.has(normalAddress6(asked))) throw failed("attach to", network.name, `the address ${asked} is in use`);
    return normalAddress6(asked);
  }
  for (let at = offset; ; at += 65_536) if (!used.has(addressAt6(subnet, at))) return addressAt6(subnet, at);
}

function failed(verb: string, name: string, found: string): RuntimeError {
  return new RuntimeError("NETWORK_FAILED", `Cannot ${verb} network ${JSON.stringify(name)}: ${found}`);
}
