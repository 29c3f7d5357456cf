/**
 * Networks and who is on them. Every change is made under one lock a root; the record is written before the kernel is
 * asked and forgotten after it has obeyed, so that a crash in between is found by `sweep`.
 * A bridge and the nft table are there only while somebody uses them.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Table } from "../../store/store.ts";
import { checkName } from "../engine/identity.ts";
import { lock } from "../engine/lock.ts";
import type { Network, Networks, PortMapping } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { addressAt, chooseSubnet, formatSubnet, gatewayOf, macOf, nextOffset, overlaps, parseSubnet } from "./address.ts";
import { type Kernel, linkExists, presentSubnets } from "./kernel.ts";
import { claimPorts } from "./ports.ts";
import { bridgeName, DEFAULT_NETWORK, type Endpoint, linkName, type NetworkRecord } from "./record.ts";
import { ruleset } from "./ruleset.ts";

export interface NetworkParts {
  readonly tag: string;
  readonly runRoot: string;
  readonly table: Table<NetworkRecord>;
  readonly kernel: Kernel;
}

export interface Attachable {
  readonly owner: string;
  readonly names: readonly string[];
  readonly ports: readonly PortMapping[];
  /** Keys below net, as in `ipv4/ip_forward`. */
  readonly sysctls?: Readonly<Record<string, string>>;
}

export interface Attached {
  readonly network: NetworkRecord;
  readonly endpoint: Endpoint;
  readonly namespace: string;
}

export function namespacePath(parts: { readonly runRoot: string }, owner: string): string {
  return join(parts.runRoot, "netns", owner);
}

/** @throws {RuntimeError} `NETWORK_UNKNOWN`, `NETWORK_FAILED`, `PORT_IN_USE` */
export async function attachTo(parts: NetworkParts, name: string, wanted: Attachable): Promise<Attached> {
  await using _ = await lock(`network-${parts.tag}`);
  const ports = await claimPorts(wanted.ports, publishedPorts(parts));
  const known = parts.table.get(name) ?? (name === DEFAULT_NETWORK ? draft(parts, { name }) : undefined);
  if (known === undefined) throw new RuntimeError("NETWORK_UNKNOWN", `Cannot attach to network ${JSON.stringify(name)}: there is none of that name`);
  const isUp = Object.keys(known.endpoints).length > 0 && linkExists(known.bridge);
  await using _machine = isUp ? undefined : await lock("networks"); /* two roots must not choose one subnet */
  const network = isUp ? known : settleSubnet(known);
  const { record, endpoint } = addEndpoint(network, wanted, ports);
  await parts.table.put(name, record);
  try {
    await bringUp(parts, record, endpoint, { bridge: !isUp, rules: !isUp || ports.length > 0, sysctls: wanted.sysctls ?? {} });
  } catch (error) {
    await release(parts, name, wanted.owner).catch(() => {});
    throw error;
  }
  return { network: record, endpoint, namespace: namespacePath(parts, wanted.owner) };
}

/** Idempotent. */
export async function detach(parts: NetworkParts, name: string, owner: string): Promise<void> {
  await using _ = await lock(`network-${parts.tag}`);
  await release(parts, name, owner);
}

/** A namespace that no endpoint knows. */
export async function forgetNamespace(parts: NetworkParts, owner: string): Promise<void> {
  await parts.kernel.apply(["forget-netns", namespacePath(parts, owner)]);
}

/** Bridges that nobody is on and, when nobody is on any, the table. */
export async function removeIdle(parts: NetworkParts): Promise<void> {
  await using _ = await lock(`network-${parts.tag}`);
  const networks = parts.table.list().map(([, network]) => network);
  const wanted = new Set(networks.filter((network) => Object.keys(network.endpoints).length > 0).map((network) => network.bridge));
  const stray = readdirSync("/sys/class/net").filter((name) => name.startsWith(`st${parts.tag}`) && !isNeeded(name, networks) && !wanted.has(name));
  await parts.kernel.apply(stray.flatMap((name) => ["remove-link", name]));
  if (networks.length > 0 && (stray.length > 0 || wanted.size === 0)) await parts.kernel.rules(ruleset(parts.tag, networks));
}

function isNeeded(link: string, networks: readonly NetworkRecord[]): boolean {
  return networks.some((network) => Object.values(network.endpoints).some((endpoint) => linkNameOf(network, endpoint) === link));
}

function linkNameOf(network: NetworkRecord, endpoint: Endpoint): string {
  return linkName(network.bridge.slice(2, 8), network.index, endpoint.offset);
}

function publishedPorts(parts: NetworkParts): readonly PortMapping[] {
  return parts.table.list().flatMap(([, network]) => Object.values(network.endpoints).flatMap((endpoint) => endpoint.ports));
}

/** An automatic subnet that the machine has taken for something else meanwhile moves. */
function settleSubnet(network: NetworkRecord): NetworkRecord {
  const present = presentSubnets(network.bridge);
  const own = parseSubnet(network.subnet);
  if (!present.some((subnet) => overlaps(subnet, own))) return network;
  const chosen = network.automatic ? chooseSubnet(present) : undefined;
  if (chosen === undefined || Object.keys(network.endpoints).length > 0) {
    throw new RuntimeError("NETWORK_FAILED", `Cannot bring up network ${JSON.stringify(network.name)}: this machine uses ${network.subnet} already`);
  }
  return { ...network, subnet: formatSubnet(chosen), gateway: gatewayOf(chosen) };
}

function addEndpoint(network: NetworkRecord, wanted: Attachable, ports: readonly PortMapping[]): { readonly record: NetworkRecord; readonly endpoint: Endpoint } {
  const subnet = parseSubnet(network.subnet);
  const used = new Set(Object.values(network.endpoints).map((endpoint) => endpoint.offset));
  const offset = network.endpoints[wanted.owner]?.offset ?? nextOffset(subnet, used, network.lastOffset);
  if (offset === undefined) throw new RuntimeError("NETWORK_FAILED", `Cannot attach to network ${JSON.stringify(network.name)}: no address is free in ${network.subnet}`);
  const address = addressAt(subnet, offset);
  const endpoint: Endpoint = { owner: wanted.owner, offset, address, mac: macOf(address), names: wanted.names, ports };
  return { endpoint, record: { ...network, lastOffset: offset, endpoints: { ...network.endpoints, [wanted.owner]: endpoint } } };
}

async function bringUp(
  parts: NetworkParts,
  network: NetworkRecord,
  endpoint: Endpoint,
  needs: { readonly bridge: boolean; readonly rules: boolean; readonly sysctls: Readonly<Record<string, string>> },
): Promise<void> {
  mkdirSync(join(parts.runRoot, "netns"), { recursive: true });
  const link = linkName(parts.tag, network.index, endpoint.offset);
  const prefix = parseSubnet(network.subnet).prefix;
  const operations = [
    ...(needs.bridge ? ["bridge", network.bridge, `${network.gateway}/${prefix}`, macOf(network.gateway)] : []),
    ...["netns", namespacePath(parts, endpoint.owner), "up", "lo"],
    ...["veth", link, network.bridge, "eth0", endpoint.mac, "address", "eth0", `${endpoint.address}/${prefix}`, "up", "eth0"],
    ...(network.internal ? [] : ["gateway", network.gateway]),
    ...Object.entries(needs.sysctls).flatMap(([key, value]) => ["sysctl", key, value]),
  ];
  const done = await Promise.allSettled([parts.kernel.apply(operations), ...(needs.rules ? [parts.kernel.rules(currentRules(parts))] : [])]);
  const failed = done.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

function currentRules(parts: NetworkParts): string {
  return ruleset(parts.tag, parts.table.list().map(([, network]) => network));
}

async function release(parts: NetworkParts, name: string, owner: string): Promise<void> {
  const network = parts.table.get(name);
  const endpoint = network?.endpoints[owner];
  if (network === undefined || endpoint === undefined) {
    await parts.kernel.apply(["forget-netns", namespacePath(parts, owner)]);
    return;
  }
  const { [owner]: _gone, ...endpoints } = network.endpoints;
  const isLast = Object.keys(endpoints).length === 0;
  const without: NetworkRecord = { ...network, endpoints };
  const rest = parts.table.list().map(([key, other]) => (key === name ? without : other));
  await Promise.all([
    parts.kernel.apply([
      ...["remove-link", linkName(parts.tag, network.index, endpoint.offset), "forget-netns", namespacePath(parts, owner)],
      ...(isLast ? ["remove-link", network.bridge] : []),
    ]),
    ...(isLast || endpoint.ports.length > 0 ? [parts.kernel.rules(ruleset(parts.tag, rest))] : []),
  ]);
  await parts.table.put(name, without);
}

function draft(
  parts: NetworkParts,
  options: { readonly name: string; readonly subnet?: string; readonly internal?: boolean; readonly labels?: Readonly<Record<string, string>> },
): NetworkRecord {
  const others = parts.table.list().map(([, network]) => network);
  const indexes = new Set(others.map((network) => network.index));
  const index = options.name === DEFAULT_NETWORK ? 0 : (Array.from({ length: 36 ** 1 }, (_, at) => at).find((at) => at > 0 && !indexes.has(at)) ?? -1);
  if (index < 0) throw new RuntimeError("NETWORK_FAILED", `Cannot create network ${JSON.stringify(options.name)}: 35 networks are the most`);
  const taken = [...presentSubnets(), ...others.map((network) => parseSubnet(network.subnet))];
  const subnet = options.subnet === undefined ? chooseSubnet(taken) : parseSubnet(options.subnet);
  if (subnet === undefined) throw new RuntimeError("NETWORK_FAILED", `Cannot create network ${JSON.stringify(options.name)}: no subnet is free on this machine`);
  if (options.subnet !== undefined && taken.some((other) => overlaps(other, subnet))) {
    throw new RuntimeError("NETWORK_FAILED", `Cannot create network ${JSON.stringify(options.name)}: ${options.subnet} is in use on this machine`);
  }
  return {
    name: options.name,
    id: randomBytes(32).toString("hex"),
    bridge: bridgeName(parts.tag, index),
    subnet: formatSubnet(subnet),
    gateway: gatewayOf(subnet),
    internal: options.internal ?? false,
    labels: options.labels ?? {},
    index,
    createdAt: new Date().toISOString(),
    automatic: options.subnet === undefined,
    lastOffset: 1,
    endpoints: {},
  };
}

export function openNetworks(parts: NetworkParts): Networks {
  return {
    async create(options): Promise<Network> {
      await using _ = await lock(`network-${parts.tag}`);
      checkName(options.name, "network");
      if (["bridge", "host", "none", "default"].includes(options.name) || parts.table.get(options.name) !== undefined) {
        throw new RuntimeError("NAME_INVALID", `Cannot create network ${JSON.stringify(options.name)}: the name is taken`);
      }
      const record = draft(parts, options);
      await parts.table.put(options.name, record);
      return record;
    },
    async get(name): Promise<Network | undefined> {
      return parts.table.get(name) ?? (name === DEFAULT_NETWORK ? draft(parts, { name }) : undefined);
    },
    async list(): Promise<readonly Network[]> {
      const records = parts.table.list().map(([, network]) => network);
      return records.some((network) => network.name === DEFAULT_NETWORK) ? records : [draft(parts, { name: DEFAULT_NETWORK }), ...records];
    },
    async remove(name): Promise<void> {
      await using _ = await lock(`network-${parts.tag}`);
      const record = parts.table.get(name);
      if (record === undefined || name === DEFAULT_NETWORK) throw new RuntimeError("NETWORK_UNKNOWN", `Cannot remove network ${JSON.stringify(name)}: there is none of that name that users made`);
      if (Object.keys(record.endpoints).length > 0) throw new RuntimeError("CONTAINER_STATE", `Cannot remove network ${JSON.stringify(name)}: containers are on it`);
      await parts.table.remove(name);
    },
  };
}
