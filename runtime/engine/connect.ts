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
import type { Connection, EndpointState } from "../networks.ts";
import { connectionsOf } from "./connections.ts";
import type { Parts } from "./parts.ts";
import { needLive } from "./status.ts";
import { tellNetwork } from "./tell.ts";

/** `namespace` undefined: a new one of its own (none) or the host's (host). Idempotent. */
export async function connect(parts: Parts, record: ContainerRecord): Promise<NetworkState> {
  const { mode } = record.network;
  switch (mode.kind) {
    case "host":
    case "none":
      return { mode, ports: [] };
    case "container": {
      const target = await needLive(parts, mode.id, "join the network of");
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
      return await connectBridges(parts, record, mode);
    case "cni":
      return await (await import("./cni.ts")).connectCni(parts, record, wantedPorts(record));
  }
}

/** One network after the other: the first leads out, and its ports are published. */
async function connectBridges(parts: Parts, record: ContainerRecord, mode: NetworkState["mode"]): Promise<NetworkState> {
  if (isInUserNamespace() && mode.kind === "bridge") return await (await import("./connect-user.ts")).planUserMode(parts, mode, wantedPorts(record), record);
  const namespace = namespacePath(parts.network, record.id);
  const endpoints: EndpointState[] = [];
  let ports: NetworkState["ports"] = [];
  for (const [index, connection] of connectionsOf(record).entries()) {
    const endpoint = await openEndpoint(parts, record, connection, { device: `eth${index}`, ports: index === 0 ? wantedPorts(record) : [] });
    if (index === 0) ports = endpoint.ports;
    endpoints.push(endpoint);
  }
  const [first] = endpoints;
  if (first === undefined) {
    await mkdir(dirname(namespace), { recursive: true });
    await parts.network.kernel.apply(["netns", namespace, "up", "lo"]);
    return { mode, namespace, ports, endpoints };
  }
  const { address, prefixLength, gateway, mac } = first;
  return { mode, namespace, address, prefixLength, gateway, mac, ports, endpoints };
}

/** @throws {RuntimeError} `NETWORK_UNKNOWN`, `NETWORK_FAILED`, `PORT_IN_USE` */
export async function openEndpoint(
  parts: Parts,
  record: Pick<ContainerRecord, "id" | "name" | "options">,
  { network: name, aliases = [], ip, ip6, mac }: Connection,
  { device, ports }: { readonly device: string; readonly ports: NetworkState["ports"] },
): Promise<EndpointState & { readonly ports: NetworkState["ports"] }> {
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
  const { network, endpoint } = await attachTo(parts.network, findNetwork(parts.network, name)?.name ?? name, wish);
  tellNetwork(parts, "connect", network, record.id);
  const { address6 } = endpoint;
  return {
    network: network.name,
    networkID: network.id,
    device,
    address: endpoint.address,
    prefixLength: parseSubnet(network.subnet).prefix,
    gateway: network.internal ? "" : network.gateway,
    mac: endpoint.mac,
    ...(address6 !== undefined && {
      address6,
      prefixLength6: Number(network.subnet6?.split("/")[1]),
      gateway6: network.internal ? "" : (network.gateway6 ?? ""),
    }),
    ...(aliases.length > 0 && { aliases }),
    ports: endpoint.ports,
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

/** Idempotent. */
export async function disconnect(parts: Parts, record: ContainerRecord): Promise<void> {
  const { mode } = record.network;
  if (mode.kind === "cni") return await (await import("./cni.ts")).disconnectCni(parts, record);
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
