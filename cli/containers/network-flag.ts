/** `--network`: a mode, a network, or `name=NET,alias=A,ip=…,ip6=…,mac-address=…`; several make a container that is on all of them. Spec: docker run. */
import type { NetworkMode } from "../../runtime/engine.ts";
import type { Connection } from "../../runtime/networks.ts";
import type { Placement } from "../../runtime/placement.ts";
import { UsageError } from "../errors.ts";
import { keyValue } from "./key-value.ts";
import { parseMac } from "./placement-flags.ts";

/** Pure. */
export function parseNetwork(text: string, aliases: readonly string[] = []): NetworkMode {
  if (text === "host" || text === "none") return { kind: text };
  if (text.startsWith("container:")) return { kind: "container", id: text.slice("container:".length) };
  if (text.startsWith("cni:")) return { kind: "cni", name: text.slice("cni:".length) };
  const name = text === "default" ? "bridge" : text;
  return aliases.length === 0 ? { kind: "bridge", name } : { kind: "bridge", name, aliases };
}

type Networked = { readonly network: NetworkMode } & Pick<Placement, "ip" | "ip6" | "macAddress" | "moreNetworks">;

/** @throws {UsageError} */
export function parseNetworks(texts: readonly string[], aliases: readonly string[]): Networked {
  const [first = { network: "bridge" }, ...more] = texts.map(parseConnection);
  if (more.length === 0) return { ...withAddresses(first), network: parseNetwork(first.network, [...aliases, ...(first.aliases ?? [])]) };
  const shared = [first, ...more].find(({ network }) => parseNetwork(network).kind !== "bridge");
  if (shared !== undefined) throw new UsageError(`conflicting options: cannot attach both user-defined and non-user-defined network-modes (${shared.network})`);
  const names = [first, ...more].map(({ network }) => network);
  if (new Set(names).size !== names.length) throw new UsageError("conflicting options: a network is named twice");
  const aliased = (one: Connection): Connection => (aliases.length === 0 ? one : { ...one, aliases: [...aliases, ...(one.aliases ?? [])] });
  return { ...withAddresses(first), network: parseNetwork(first.network, aliased(first).aliases), moreNetworks: more.map(aliased) };
}

function withAddresses({ ip, ip6, mac }: Connection): Pick<Networked, "ip" | "ip6" | "macAddress"> {
  return { ...(ip !== undefined && { ip }), ...(ip6 !== undefined && { ip6 }), ...(mac !== undefined && { macAddress: mac }) };
}

function parseConnection(text: string): Connection {
  if (!/^(?:name|alias|ip6?|mac-address)=/.test(text)) return { network: text };
  const fields = text.split(",").map(keyValue);
  const unknown = fields.find(([key]) => !["name", "alias", "ip", "ip6", "mac-address"].includes(key));
  if (unknown !== undefined) throw new UsageError(`invalid --network ${JSON.stringify(text)}: ${JSON.stringify(unknown[0])} is no field of it`);
  const last = (key: string): string | undefined => fields.findLast(([name]) => name === key)?.[1];
  const [network, ip, ip6, mac] = [last("name"), last("ip"), last("ip6"), last("mac-address")];
  if (network === undefined) throw new UsageError(`invalid --network ${JSON.stringify(text)}: it names no network`);
  const aliases = fields.filter(([key]) => key === "alias").map(([, alias]) => alias);
  return {
    network,
    ...(aliases.length > 0 && { aliases }),
    ...(ip !== undefined && { ip }),
    ...(ip6 !== undefined && { ip6 }),
    ...(mac !== undefined && { mac: parseMac(mac) }),
  };
}

interface Shared {
  readonly addHost: readonly string[];
  readonly dns: readonly string[];
  readonly expose: readonly string[];
  readonly hostname?: string;
  readonly macAddress?: string;
  readonly publish: readonly string[];
  readonly publishAll?: boolean;
}

/** What belongs to whoever's network it is. @throws {UsageError} */
export function refuseBesideShared({ kind }: NetworkMode, flags: Shared): void {
  if (kind !== "container") return;
  const conflicts: readonly (readonly [boolean, string])[] = [
    [flags.hostname !== undefined, "hostname and the network mode"],
    [flags.dns.length > 0, "dns and the network mode"],
    [flags.addHost.length > 0, "custom host-to-IP mapping and the network mode"],
    [flags.macAddress !== undefined, "mac-address and the network mode"],
    [flags.publish.length > 0 || flags.publishAll === true, "port publishing and the container type network mode"],
    [flags.expose.length > 0, "port exposing and the container type network mode"],
  ];
  const found = conflicts.find(([is]) => is);
  if (found !== undefined) throw new UsageError(`conflicting options: ${found[1]}`);
}
