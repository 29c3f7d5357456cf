/** Takes a container onto its network and off it again. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isInUserNamespace } from "../../store/user-namespace.ts";
import type { ContainerRecord, NetworkState } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { allNetworks, attachTo, detach, namespacePath } from "../network/attach.ts";
import { parseSubnet } from "../network/address.ts";
import { forgetNames, hasNames } from "../network/names.ts";
import { findNetwork } from "../network/networks.ts";
import type { Endpoint, NetworkRecord } from "../network/record.ts";
import type { Connection, EndpointState } from "../networks.ts";
import { connectionsOf } from "./connections.ts";
import type { Lock } from "./lock.ts";
import type { Parts } from "./parts.ts";
import { getContainer, needLive } from "./status.ts";
import { tellNetwork } from "./tell.ts";

export interface Connected {
  readonly network: NetworkState;
  /** Its links work. */
  readonly ready: Promise<void>;
}

/** Idempotent. `held` is the container's lock. */
export async function connect(parts: Parts, record: ContainerRecord, held: Lock): Promise<Connected> {
  const { mode } = record.network;
  try {
    if (mode.kind === "bridge" && !isInUserNamespace()) return await connectBridges(parts, record, mode);
    return { network: await join(parts, record, held), ready: Promise.resolve() };
  } catch (error) {
    throw error instanceof RuntimeError && error.code === "PORT_IN_USE" ? unpublished(record, error) : error;
  }
}

/** Docker's words: scripts look for them. */
function unpublished({ id, name }: ContainerRecord, error: RuntimeError): RuntimeError {
  const { message, hint } = error;
  const text = `driver failed programming external connectivity on endpoint ${name} (${id}): ${message}`;
  return new RuntimeError("PORT_IN_USE", text, { cause: error, ...(hint !== undefined && { hint }) });
}

/** `namespace` undefined: a new one of its own (none) or the host's (host). */
async function join(parts: Parts, record: ContainerRecord, held: Lock): Promise<NetworkState> {
  const { mode } = record.network;
  switch (mode.kind) {
    case "host":
    case "none":
      return { mode, ports: [] };
    case "container": {
      const target = needLive(await getContainer(parts, mode.id), "join the network of");
      return {
        mode: { kind: "container", id: target.record.id },
        namespace: `/proc/${target.status.pid}/ns/net`,
        ports: [],
        ...addressOf(target.record.network),
      };
    }
    case "sandbox": {
      const sandbox = parts.sandboxes.get(mode.id);
      if (sandbox === undefined) throw new RuntimeError("NETWORK_UNKNOWN", `Cannot join sandbox ${mode.id}: there is none of that id`);
      return {
        mode,
        ports: [],
        ...(sandbox.namespace !== undefined && { namespace: sandbox.namespace }),
        ...(sandbox.address !== undefined && { address: sandbox.address }),
      };
    }
    case "bridge":
      return await (await import("./connect-user.ts")).planUserMode(parts, mode, wantedPorts(record), record);
    case "cni":
      return await (await import("./cni.ts")).connectCni(parts, record, wantedPorts(record), held);
  }
}

/** One network after the other: the first leads out, and its ports are published. */
async function connectBridges(parts: Parts, record: ContainerRecord, mode: NetworkState["mode"]): Promise<Connected> {
  const namespace = namespacePath(parts.network, record.id);
  const endpoints: EndpointState[] = [];
  let ports: NetworkState["ports"] = [];
  let ready = Promise.resolve();
  for (const [index, connection] of connectionsOf(record).entries()) {
    await ready; /* two would make one namespace */
    const opened = await openEndpoint(parts, record, connection, { device: `eth${index}`, ports: index === 0 ? wantedPorts(record) : [] });
    if (index === 0) ({ ports } = opened);
    ({ ready } = opened);
    endpoints.push(opened.endpoint);
  }
  const [first] = endpoints;
  if (first === undefined) {
    await mkdir(dirname(namespace), { recursive: true });
    await parts.network.kernel.apply(["netns", namespace, "up", "lo"]);
    return { network: { mode, namespace, ports, endpoints }, ready };
  }
  if (endpoints.some(({ network }) => hasNames(network))) await ready; /* its name server is in the namespace */
  const { address, prefixLength, gateway, mac } = first;
  return { network: { mode, namespace, address, prefixLength, gateway, mac, ports, endpoints }, ready };
}

interface Opened {
  readonly endpoint: EndpointState;
  readonly ports: NetworkState["ports"];
  readonly ready: Promise<void>;
}

/** @throws {RuntimeError} `NETWORK_UNKNOWN`, `NETWORK_FAILED`, `PORT_IN_USE` */
export async function openEndpoint(
  parts: Parts,
  record: Pick<ContainerRecord, "id" | "name" | "options">,
  { network: name, aliases = [], ip, ip6, mac }: Connection,
  { device, ports }: { readonly device: string; readonly ports: NetworkState["ports"] },
): Promise<Opened> {
  const names = [...new Set([record.name, ...aliases, record.id.slice(0, 12)])];
  const wish = {
    owner: record.id,
    names,
    ports,
    device,
    ...(ip !== undefined && { ip }),
    ...(ip6 !== undefined && { ip6 }),
    ...(mac !== undefined && { mac }),
  };
  const { network, endpoint, ready } = await attachTo(parts.network, findNetwork(parts.network, name)?.name ?? name, wish);
  tellNetwork(parts, "connect", network, record.id);
  return { endpoint: endpointState(network, endpoint, aliases), ports: endpoint.ports, ready };
}

function endpointState(network: NetworkRecord, { address, address6, mac, device }: Endpoint, aliases: readonly string[]): EndpointState {
  return {
    network: network.name,
    networkID: network.id,
    device,
    address,
    prefixLength: parseSubnet(network.subnet).prefix,
    gateway: network.internal ? "" : network.gateway,
    mac,
    ...(address6 !== undefined && {
      address6,
      prefixLength6: Number(network.subnet6?.split("/")[1]),
      gateway6: network.internal ? "" : (network.gateway6 ?? ""),
    }),
    ...(aliases.length > 0 && { aliases }),
  };
}

function wantedPorts(record: ContainerRecord): NetworkState["ports"] {
  const exposed = record.options.publishAll === true ? exposedPorts(record) : [];
  const asked = record.options.ports ?? [];
  return [...asked, ...exposed.filter((port) => !asked.some((other) => other.containerPort === port.containerPort && other.protocol === port.protocol))];
}

function addressOf(network: NetworkState): { readonly address?: string } {
  return network.address === undefined ? {} : { address: network.address };
}

/** `80/tcp` of the image and the flags, each on a free port of the host. */
function exposedPorts(record: ContainerRecord): NetworkState["ports"] {
  return Object.keys(record.config.ExposedPorts ?? {}).map((key) => {
    const [port, protocol] = key.split("/");
    return { hostPort: 0, containerPort: Number(port), protocol: protocol === "udp" ? "udp" : "tcp" } as const;
  });
}

/** Off one network, its namespace stays. Idempotent. */
export async function leave(parts: Parts, record: Pick<ContainerRecord, "id">, network: string): Promise<void> {
  const left = await detach(parts.network, network, record.id, { stay: true });
  if (left !== undefined) tellNetwork(parts, "disconnect", left, record.id);
}

/** Also when the record says that it gave everything back: a start that failed, or a plugin, may not have been able to. */
export function isConnected(parts: Parts, { id }: Pick<ContainerRecord, "id">): boolean {
  return parts.cni.get(id) !== undefined || allNetworks(parts.network).some(({ endpoints }) => endpoints[id] !== undefined);
}

/** Idempotent. `held` is the container's lock. */
export async function disconnect(parts: Parts, record: ContainerRecord, held: Lock): Promise<void> {
  const { mode } = record.network;
  if (mode.kind === "cni") return await (await import("./cni.ts")).disconnectCni(parts, record, held);
  if (mode.kind !== "bridge") return;
  if (isInUserNamespace()) {
    (await import("../network/user-mode.ts")).disconnectUserMode(parts, record.id);
    return;
  }
  const own = allNetworks(parts.network).filter(({ endpoints }) => endpoints[record.id] !== undefined);
  for (const { name } of own.slice(1)) await leave(parts, record, name);
  const left = await detach(parts.network, own[0]?.name ?? mode.name, record.id);
  if (left !== undefined) tellNetwork(parts, "disconnect", left, record.id);
  if (own.some(({ name }) => hasNames(name))) await forgetNames(parts, record.id);
}
