/** A container's networks and ports as docker inspect shows them. Pure. */
import { connectionsOf } from "../../runtime/engine/connections.ts";
import type { ContainerRecord } from "../../runtime/engine.ts";
import { DEFAULT_NETWORK } from "../../runtime/network/record.ts";
import type { Connection, EndpointState, PortMapping } from "../../runtime/networks.ts";
import { hostOf } from "./port-flags.ts";

type Shown = Readonly<Record<string, unknown>>;

export function networkSettings(record: ContainerRecord): Shown {
  const { id, network, config: execution } = record;
  const exposed = Object.keys(execution.ExposedPorts ?? {}).map((port) => [port, null] as const);
  const isUp = network.namespace !== undefined;
  return {
    Bridge: "",
    SandboxID: isUp ? id : "",
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    SandboxKey: network.namespace ?? "",
    Ports: isUp ? { ...Object.fromEntries(exposed), ...portMap(network.ports) } : {},
    ...ownAddress(id, network),
    Networks: networksOf(record),
  };
}

/** Of the default network alone, as in docker (and of plugins' networks, which have no endpoints): those of others are under Networks. */
function ownAddress(id: string, network: ContainerRecord["network"]): Shown {
  const first = network.endpoints?.find(({ network: name }) => name === DEFAULT_NETWORK);
  const own = network.endpoints === undefined ? network : first;
  return {
    EndpointID: first === undefined ? "" : endpointID(id, first),
    IPAddress: own?.address ?? "",
    IPPrefixLen: own?.prefixLength ?? 0,
    Gateway: own?.gateway ?? "",
    MacAddress: own?.mac ?? "",
    GlobalIPv6Address: first?.address6 ?? "",
    GlobalIPv6PrefixLen: first?.prefixLength6 ?? 0,
    IPv6Gateway: first?.gateway6 ?? "",
  };
}

/** The networks it is on, or those it is to be on. */
function networksOf(record: ContainerRecord): Shown {
  const { id, network } = record;
  const { endpoints, address = "", prefixLength = 0, gateway = "", mac = "" } = network;
  const wished = connectionsOf(record);
  const none: EndpointState = { network: modeName(network.mode), networkID: "", address, prefixLength, gateway, mac, device: "" };
  const planned = wished.map((one) => ({ ...none, network: one.network, ...(one.aliases !== undefined && { aliases: one.aliases }) }));
  const all: readonly EndpointState[] = endpoints ?? (planned.length === 0 ? [none] : planned);
  return Object.fromEntries(
    all.map((one) => [
      one.network,
      oneNetwork(
        id,
        one,
        wished.find((wish) => wish.network === one.network),
      ),
    ]),
  );
}

function oneNetwork(id: string, one: EndpointState, wish: Connection | undefined): Shown {
  return {
    IPAMConfig: addressWish(wish),
    Links: null,
    Aliases: aliasesOf(id, one),
    NetworkID: one.networkID,
    EndpointID: endpointID(id, one),
    Gateway: one.gateway,
    IPAddress: one.address,
    IPPrefixLen: one.prefixLength,
    IPv6Gateway: one.gateway6 ?? "",
    GlobalIPv6Address: one.address6 ?? "",
    GlobalIPv6PrefixLen: one.prefixLength6 ?? 0,
    MacAddress: one.mac,
    DriverOpts: null,
  };
}

/** What was asked for by `--ip` and `--ip6`. */
function addressWish({ ip, ip6 }: Partial<Connection> = {}): Shown | null {
  if (ip === undefined && ip6 === undefined) return null;
  return { ...(ip !== undefined && { IPv4Address: ip }), ...(ip6 !== undefined && { IPv6Address: ip6 }) };
}

/** Where names are answered its short id is one of them, while it is there. */
function aliasesOf(id: string, { network, networkID, aliases }: EndpointState): readonly string[] | null {
  if (network === DEFAULT_NETWORK || networkID === "") return aliases ?? null;
  return [...(aliases ?? []), id.slice(0, 12)];
}

function endpointID(id: string, { networkID }: EndpointState): string {
  return networkID === "" ? "" : `${networkID.slice(0, 32)}${id.slice(0, 32)}`;
}

/** As they were asked for: empty where the address or the number is chosen later. */
export function bindings(ports: readonly PortMapping[]): ReturnType<typeof portMap> {
  return mapped(ports, ({ hostIP = "", hostPort }) => ({ HostIp: hostIP, HostPort: hostPort === 0 ? "" : String(hostPort) }));
}

/** `--network` as it would be written. */
export function modeName(mode: ContainerRecord["network"]["mode"]): string {
  return mode.kind === "bridge" || mode.kind === "cni" ? mode.name : mode.kind;
}

interface Binding {
  readonly HostIp: string;
  readonly HostPort: string;
}

function portMap(ports: readonly PortMapping[]): Readonly<Record<string, readonly Binding[]>> {
  return mapped(ports, (port) => ({ HostIp: hostOf(port), HostPort: String(port.hostPort) }));
}

function mapped(ports: readonly PortMapping[], show: (port: PortMapping) => Binding): Readonly<Record<string, readonly Binding[]>> {
  const map: Record<string, Binding[]> = {};
  for (const port of ports) (map[`${port.containerPort}/${port.protocol}`] ??= []).push(show(port));
  return map;
}
