/**
 * Takes owners (containers, sandboxes) onto networks and off again. Every change is made under one lock a root; the record
 * is written before the kernel is asked and forgotten after it has obeyed, so that a crash in between is found by `sweep`.
 * A bridge and the nft table are there only while somebody uses them.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Table } from "../../store/store.ts";
import { lock } from "../engine/lock.ts";
import type { PortMapping } from "../networks.ts";
import { RuntimeError } from "../errors.ts";
import { macOf, parseSubnet } from "./address.ts";
import { type Kernel, linkExists, presentSubnets } from "./kernel.ts";
import { forgetLoopback, serveLoopback } from "./loopback.ts";
import { writeNetworkNames } from "./names.ts";
import { addEndpoint, draftNetwork, type EndpointWish, reviveNetwork } from "./plan.ts";
import { claimPorts } from "./ports.ts";
import { DEFAULT_NETWORK, type Endpoint, linkName, type NetworkRecord } from "./record.ts";
import { ruleset } from "./ruleset.ts";

export interface NetworkParts {
  readonly tag: string;
  readonly runRoot: string;
  readonly table: Table<NetworkRecord>;
  readonly kernel: Kernel;
  /** Path of strata-loopback. */
  readonly loopback: string;
  /** Hears of networks that are made and removed. */
  readonly tell: (action: "create" | "destroy", network: NetworkRecord) => void;
}

export interface Attachable extends EndpointWish {
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

export function networkLock(parts: { readonly tag: string }): string {
  return `network-${parts.tag}`;
}

export function allNetworks(parts: NetworkParts): readonly NetworkRecord[] {
  return parts.table.list().map(([, network]) => network);
}

/** @throws {RuntimeError} `NETWORK_UNKNOWN`, `NETWORK_FAILED`, `PORT_IN_USE` */
export async function attachTo(parts: NetworkParts, name: string, wanted: Attachable): Promise<Attached> {
  await using _ = await lock(networkLock(parts));
  const known = parts.table.get(name) ?? (name === DEFAULT_NETWORK ? draftNetwork(parts.tag, { name }, allNetworks(parts), presentSubnets()) : undefined);
  if (known === undefined) throw new RuntimeError("NETWORK_UNKNOWN", `Cannot attach to network ${JSON.stringify(name)}: there is none of that name`);
  const { hostIP } = known.options ?? {};
  const asked = hostIP === undefined ? wanted.ports : wanted.ports.map((port) => ({ hostIP, ...port }));
  const ports = await claimPorts(asked, publishedPorts(parts));
  const isUp = Object.keys(known.endpoints).length > 0 && linkExists(known.bridge);
  await using _machine = isUp ? undefined : await lock("networks"); /* two roots must not choose one subnet */
  const network = isUp ? known : reviveNetwork(known, presentSubnets(known.bridge));
  const { record, endpoint } = addEndpoint(network, wanted, ports);
  await parts.table.put(name, record);
  await writeNetworkNames(parts, record);
  try {
    await bringUp(parts, record, endpoint, { bridge: !isUp, rules: !isUp || ports.length > 0, sysctls: wanted.sysctls ?? {} });
  } catch (error) {
    await release(parts, name, wanted.owner, isOnOthers(parts, name, wanted.owner)).catch(() => {});
    throw error;
  }
  return { network: record, endpoint, namespace: namespacePath(parts, wanted.owner) };
}

function isOnOthers(parts: NetworkParts, name: string, owner: string): boolean {
  return allNetworks(parts).some((network) => network.name !== name && network.endpoints[owner] !== undefined);
}

/** Idempotent; resolves with the network when the owner was on it. With `stay` its namespace is kept. */
export async function detach(parts: NetworkParts, name: string, owner: string, { stay = false } = {}): Promise<NetworkRecord | undefined> {
  await using _ = await lock(networkLock(parts));
  const known = parts.table.get(name);
  await release(parts, name, owner, stay);
  return known?.endpoints[owner] === undefined ? undefined : known;
}

function publishedPorts(parts: NetworkParts): readonly PortMapping[] {
  return allNetworks(parts).flatMap((network) => Object.values(network.endpoints).flatMap((endpoint) => endpoint.ports));
}

interface Needs {
  readonly bridge: boolean;
  readonly rules: boolean;
  readonly sysctls: Readonly<Record<string, string>>;
}

async function bringUp(parts: NetworkParts, network: NetworkRecord, endpoint: Endpoint, needs: Needs): Promise<void> {
  mkdirSync(join(parts.runRoot, "netns"), { recursive: true });
  const rules = needs.rules ? [parts.kernel.rules(ruleset(parts.tag, allNetworks(parts)), { optional: isPlain(parts) })] : [];
  const done = await Promise.allSettled([parts.kernel.apply(operations(parts, network, endpoint, needs)), ...rules, serveLoopback(parts, endpoint)]);
  const failed = done.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** One network without published ports: its containers reach each other and this machine without any rule. */
function isPlain(parts: NetworkParts): boolean {
  const [first, ...more] = allNetworks(parts);
  return more.length === 0 && first?.internal !== true && first?.subnet6 === undefined && first?.options === undefined && publishedPorts(parts).length === 0;
}

/** For `strata-network`, in order. */
function operations(parts: NetworkParts, network: NetworkRecord, endpoint: Endpoint, needs: Needs): readonly string[] {
  const { prefix } = parseSubnet(network.subnet);
  const link = linkName(parts.tag, network.index, endpoint.offset);
  const steps = [
    ...(needs.bridge ? [["bridge", network.bridge, `${network.gateway}/${prefix}`, macOf(network.gateway)], ...bridgeSix(network)] : []),
    ["netns", namespacePath(parts, endpoint.owner)],
    ["up", "lo"],
    ["veth", link, network.bridge, endpoint.device, endpoint.mac],
    ...(network.options?.mtu === undefined ? [] : [["mtu", link, endpoint.device, String(network.options.mtu)]]),
    ["address", endpoint.device, `${endpoint.address}/${prefix}`],
    ...(endpoint.address6 === undefined ? [] : [["address", endpoint.device, `${endpoint.address6}/${network.subnet6?.split("/")[1]}`]]),
    ["up", endpoint.device],
    ...(network.internal ? [] : [["gateway", network.gateway], ...(network.gateway6 === undefined ? [] : [["gateway", network.gateway6]])]),
    ...Object.entries(needs.sysctls).map(([key, value]) => ["sysctl", key, value]),
  ];
  return steps.flat();
}

function bridgeSix({ bridge, subnet6, gateway6 }: NetworkRecord): readonly (readonly string[])[] {
  if (subnet6 === undefined || gateway6 === undefined) return [];
  return [
    ["host-sysctl", `ipv6/conf/${bridge}/disable_ipv6`, "0"],
    ["host-address", bridge, `${gateway6}/${subnet6.split("/")[1]}`],
    ["host-sysctl", "ipv6/conf/all/forwarding", "1"],
  ];
}

async function release(parts: NetworkParts, name: string, owner: string, stay: boolean): Promise<void> {
  const network = parts.table.get(name);
  const endpoint = network?.endpoints[owner];
  const forget = stay ? [] : ["forget-netns", namespacePath(parts, owner)];
  if (network === undefined || endpoint === undefined) return await parts.kernel.apply(forget);
  const { [owner]: _gone, ...endpoints } = network.endpoints;
  const isLast = Object.keys(endpoints).length === 0;
  const without: NetworkRecord = { ...network, endpoints };
  const rest = allNetworks(parts).map((other) => (other.name === name ? without : other));
  const bridge = isLast ? ["remove-link", network.bridge] : [];
  await Promise.all([
    parts.kernel.apply(["remove-link", linkName(parts.tag, network.index, endpoint.offset), ...forget, ...bridge]),
    ...(isLast || endpoint.ports.length > 0 ? [parts.kernel.rules(ruleset(parts.tag, rest), { optional: true })] : []),
    ...(endpoint.ports.length > 0 ? [forgetLoopback(parts, owner)] : []),
  ]);
  await parts.table.put(name, without);
  await writeNetworkNames(parts, without);
}
