/**
 * Takes owners (containers, sandboxes) onto networks and off again. Every change is made under one lock a root; the record
 * is written before the kernel is asked and forgotten after it has obeyed, so that a crash in between is found by `sweep`.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Lock, lock } from "../engine/lock.ts";
import type { PortMapping } from "../networks.ts";
import { RuntimeError } from "../errors.ts";
import { macOf, parseSubnet } from "./address.ts";
import { type BridgeParts, isUsed, isWhole, linger, markWhole, removeStale, touch, unmark, writeRules } from "./bridges.ts";
import { linkExists, presentSubnets } from "./kernel.ts";
import { forgetLoopback, serveLoopback } from "./loopback.ts";
import { writeNetworkNames } from "./names.ts";
import { addEndpoint, draftNetwork, type EndpointWish, reviveNetwork } from "./plan.ts";
import { claimPorts } from "./ports.ts";
import { DEFAULT_NETWORK, type Endpoint, linkName, type NetworkRecord } from "./record.ts";

export interface NetworkParts extends BridgeParts {
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
  /** Rejects when the link could not be made: the owner is off the network again. */
  readonly ready: Promise<void>;
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

/**
 * Resolves when the address is the owner's; `ready` does when its link works.
 * @throws {RuntimeError} `NETWORK_UNKNOWN`, `NETWORK_FAILED`, `PORT_IN_USE`
 */
export async function attachTo(parts: NetworkParts, name: string, wanted: Attachable): Promise<Attached> {
  const held = [await lock(networkLock(parts))];
  try {
    const claimed = await claim(parts, name, wanted, held);
    const ready = settleLink(parts, claimed, wanted, held);
    ready.catch(() => {}); /* for whoever waits for it */
    return { network: claimed.network, endpoint: claimed.endpoint, namespace: namespacePath(parts, wanted.owner), ready };
  } catch (error) {
    await letGo(held);
    throw error;
  }
}

interface Claimed {
  readonly network: NetworkRecord;
  readonly endpoint: Endpoint;
  /** Nothing but the owner's link is to be made. */
  readonly isWhole: boolean;
}

async function claim(parts: NetworkParts, name: string, wanted: Attachable, held: Lock[]): Promise<Claimed> {
  const known = parts.table.get(name) ?? (name === DEFAULT_NETWORK ? draftNetwork(parts.tag, { name }, allNetworks(parts), presentSubnets()) : undefined);
  if (known === undefined) throw new RuntimeError("NETWORK_UNKNOWN", `network ${name} not found`, { hint: "'strata network ls' shows those that are there" });
  const { hostIP } = known.options ?? {};
  const asked = hostIP === undefined ? wanted.ports : wanted.ports.map((port) => ({ hostIP, ...port }));
  const ports = await claimPorts(asked, publishedPorts(parts));
  touch(parts);
  await removeStale(parts, known, { all: allNetworks(parts), under: held });
  const isUp = linkExists(known.bridge);
  if (!isUp) held.push(await lock("networks")); /* two roots must not choose one subnet */
  const { record, endpoint } = addEndpoint(isUp ? known : reviveNetwork(known, presentSubnets(known.bridge)), wanted, ports);
  await parts.table.put(name, record);
  await writeNetworkNames(parts, record);
  return { network: record, endpoint, isWhole: isWhole(parts, record) };
}

/** A link alone needs no lock: who takes a bridge down looks at the records. What fails is given back. */
async function settleLink(parts: NetworkParts, { network, endpoint, isWhole: isBridged }: Claimed, wanted: Attachable, held: Lock[]): Promise<void> {
  try {
    if (isBridged && endpoint.ports.length === 0) await letGo(held);
    await bringUp(parts, network, endpoint, { bridge: !isBridged, sysctls: wanted.sysctls ?? {}, under: [...held] });
    if (!isBridged) markWhole(parts, network);
  } catch (error) {
    await letGo(held);
    await detach(parts, network.name, endpoint.owner, { stay: isOnOthers(parts, network.name, endpoint.owner) }).catch(() => {});
    throw error;
  } finally {
    await letGo(held);
  }
}

async function letGo(held: Lock[]): Promise<void> {
  for (const one of held.splice(0)) await one[Symbol.asyncDispose]();
}

function isOnOthers(parts: NetworkParts, name: string, owner: string): boolean {
  return allNetworks(parts).some((network) => network.name !== name && network.endpoints[owner] !== undefined);
}

/** Idempotent; resolves with the network when the owner was on it. With `stay` its namespace is kept. */
export async function detach(parts: NetworkParts, name: string, owner: string, { stay = false } = {}): Promise<NetworkRecord | undefined> {
  await unlink(parts, parts.table.get(name), owner, stay);
  await using held = await lock(networkLock(parts));
  const network = parts.table.get(name);
  const endpoint = network?.endpoints[owner];
  if (network === undefined || endpoint === undefined) return undefined;
  const { [owner]: _gone, ...endpoints } = network.endpoints;
  const without: NetworkRecord = { ...network, endpoints };
  const rest = allNetworks(parts).map((other) => (other.name === name ? without : other));
  const hasRules = endpoint.ports.length > 0 || !linkExists(network.bridge); // one that could not be made has been given its rules meanwhile
  if (hasRules) await Promise.all([writeRules(parts, { all: rest, under: [held] }, { optional: true }), forgetLoopback(parts, owner)]);
  if (!rest.some(isUsed)) linger(parts);
  await parts.table.put(name, without);
  await writeNetworkNames(parts, without);
  return network;
}

/** A link goes with the namespace; who keeps that one must see it gone. */
async function unlink(parts: NetworkParts, network: NetworkRecord | undefined, owner: string, stay: boolean): Promise<void> {
  const endpoint = network?.endpoints[owner];
  const link = network === undefined || endpoint === undefined ? [] : [stay ? "remove-link" : "unplug", linkName(parts.tag, network.index, endpoint.offset)];
  await parts.kernel.apply(stay ? link : [...link, "forget-netns", namespacePath(parts, owner)]);
}

function publishedPorts(parts: NetworkParts): readonly PortMapping[] {
  return allNetworks(parts).flatMap((network) => Object.values(network.endpoints).flatMap((endpoint) => endpoint.ports));
}

interface Needs {
  readonly bridge: boolean;
  readonly sysctls: Readonly<Record<string, string>>;
  /** What is held still. */
  readonly under: readonly Lock[];
}

async function bringUp(parts: NetworkParts, network: NetworkRecord, endpoint: Endpoint, needs: Needs): Promise<void> {
  mkdirSync(join(parts.runRoot, "netns"), { recursive: true });
  if (needs.bridge) unmark(parts, network);
  const rules =
    needs.bridge || endpoint.ports.length > 0 ? [writeRules(parts, { all: allNetworks(parts), under: needs.under }, { optional: isPlain(parts) })] : [];
  const done = await Promise.allSettled([
    parts.kernel.apply(operations(parts, network, endpoint, needs), needs.under),
    ...rules,
    serveLoopback(parts, endpoint),
  ]);
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
