/** Takes a container onto its network and off it again. */
import { isInUserNamespace } from "../../store/user-namespace.ts";
import type { ContainerRecord, NetworkState } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { attachTo, detach } from "../network/attach.ts";
import { parseSubnet } from "../network/address.ts";
import { refreshPeers } from "./hosts.ts";
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
      return await connectBridge(parts, record, mode);
  }
}

async function connectBridge(parts: Parts, record: ContainerRecord, mode: Extract<NetworkState["mode"], { kind: "bridge" }>): Promise<NetworkState> {
  const exposed = record.options.publishAll === true ? exposedPorts(record) : [];
  const asked = record.options.ports ?? [];
  const ports = [...asked, ...exposed.filter((port) => !asked.some((other) => other.containerPort === port.containerPort && other.protocol === port.protocol))];
  if (isInUserNamespace()) return await (await import("./connect-user.ts")).planUserMode(parts, mode, ports, record);
  const names = [...new Set([record.name, ...(mode.aliases ?? []), record.id.slice(0, 12)])];
  const { network, endpoint, namespace } = await attachTo(parts.network, mode.name, { owner: record.id, names, ports });
  tellNetwork(parts, "connect", network, record.id);
  await refreshPeers(parts, network, record.id);
  return {
    mode,
    namespace,
    address: endpoint.address,
    prefixLength: parseSubnet(network.subnet).prefix,
    gateway: network.gateway,
    mac: endpoint.mac,
    ports: endpoint.ports,
  };
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

/** Idempotent. */
export async function disconnect(parts: Parts, record: ContainerRecord): Promise<void> {
  const { mode } = record.network;
  if (mode.kind !== "bridge") return;
  if (isInUserNamespace()) {
    (await import("../network/user-mode.ts")).disconnectUserMode(parts, record.id);
    return;
  }
  const left = await detach(parts.network, mode.name, record.id);
  if (left !== undefined) tellNetwork(parts, "disconnect", left, record.id);
  await refreshPeers(parts, parts.network.table.get(mode.name), record.id);
}
