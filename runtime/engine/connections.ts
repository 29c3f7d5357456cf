/** Which networks a container is on: by its flags, and by what `network connect` and `disconnect` made of them. */
import type { ContainerRecord, NetworkMode } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import type { Connection } from "../networks.ts";

type Connectable = Pick<ContainerRecord, "name" | "options" | "connections">;

/** The first one's gateway leads out, and its ports are published. Pure. */
export function connectionsOf({ options, connections }: Pick<ContainerRecord, "options" | "connections">): readonly Connection[] {
  if (connections !== undefined) return connections;
  const { network, ip, ip6, macAddress, moreNetworks = [] } = options;
  if (network.kind !== "bridge") return [];
  const first: Connection = {
    network: network.name,
    ...(network.aliases !== undefined && { aliases: network.aliases }),
    ...(ip !== undefined && { ip }),
    ...(ip6 !== undefined && { ip6 }),
    ...(macAddress !== undefined && { mac: macAddress }),
  };
  return [first, ...moreNetworks];
}

/** What a container that lives is still on, though it is not to be: who took it off was killed. Pure. */
export function strayNetworks(record: Pick<ContainerRecord, "options" | "connections" | "network">): readonly string[] {
  if (record.network.mode.kind !== "bridge") return [];
  const wanted = connectionsOf(record).map(({ network }) => network);
  return (record.network.endpoints ?? []).flatMap(({ network }) => (wanted.includes(network) ? [] : [network]));
}

/** @throws {RuntimeError} `CONTAINER_STATE` */
export function withConnection(record: Connectable, added: Connection): readonly Connection[] {
  refuseShared(record.options.network, `Cannot connect container ${record.name} to network ${JSON.stringify(added.network)}`);
  const now = connectionsOf(record);
  if (now.some(({ network }) => network === added.network))
    throw new RuntimeError("CONTAINER_STATE", `Cannot connect container ${record.name}: it is on network ${JSON.stringify(added.network)} already`);
  return [...now, added];
}

/** @throws {RuntimeError} `CONTAINER_STATE` */
export function withoutConnection(record: Connectable, network: string): readonly Connection[] {
  refuseShared(record.options.network, `Cannot disconnect container ${record.name} from network ${JSON.stringify(network)}`);
  const now = connectionsOf(record);
  if (!now.some((one) => one.network === network))
    throw new RuntimeError("CONTAINER_STATE", `Cannot disconnect container ${record.name}: it is not on network ${JSON.stringify(network)}`);
  return now.filter((one) => one.network !== network);
}

function refuseShared(mode: NetworkMode, what: string): void {
  if (mode.kind === "bridge") return;
  const why: Readonly<Record<Exclude<NetworkMode["kind"], "bridge">, string>> = {
    host: "it has the host's network",
    none: "it is to have no network",
    container: "it shares another container's network",
    sandbox: "it is a pod's",
    cni: "its network is made by CNI plugins",
  };
  throw new RuntimeError("CONTAINER_STATE", `${what}: ${why[mode.kind]}`);
}
