/** Networks as users make and remove them, and what is swept of them. The default one is there without being made. */
import { checkName } from "../engine/identity.ts";
import { lock } from "../engine/lock.ts";
import type { Network, Networks } from "../networks.ts";
import { RuntimeError } from "../errors.ts";
import { allNetworks, namespacePath, networkLock, type NetworkParts } from "./attach.ts";
import { isUsed, removeLinks, stopLingering, takeDown, unmark } from "./bridges.ts";
import { linkNames, presentSubnets } from "./kernel.ts";
import { defaultID, draftNetwork } from "./plan.ts";
import { DEFAULT_NETWORK, linkName, type NetworkRecord } from "./record.ts";

const RESERVED = new Set(["bridge", "host", "none", "default"]);

export function openNetworks(parts: NetworkParts): Networks {
  const draft = (): NetworkRecord => draftNetwork(parts.tag, { name: DEFAULT_NETWORK }, allNetworks(parts), presentSubnets());
  return {
    async create(options): Promise<Network> {
      await using _ = await lock(networkLock(parts));
      checkName(options.name, "network");
      if (RESERVED.has(options.name)) throw new RuntimeError("NAME_INVALID", `operation is not permitted on predefined ${options.name} network`);
      if (parts.table.get(options.name) !== undefined) throw new RuntimeError("NAME_INVALID", `network with name ${options.name} already exists`);
      const record = draftNetwork(parts.tag, options, allNetworks(parts), presentSubnets());
      await parts.table.put(options.name, record);
      parts.tell("create", record);
      return record;
    },
    async get(name): Promise<Network | undefined> {
      const isDefault = name === DEFAULT_NETWORK || (/^[0-9a-f]+$/.test(name) && defaultID(parts.tag).startsWith(name));
      return findNetwork(parts, name) ?? (isDefault && parts.table.get(DEFAULT_NETWORK) === undefined ? draft() : undefined);
    },
    async list(): Promise<readonly Network[]> {
      const records = allNetworks(parts);
      return records.some((network) => network.name === DEFAULT_NETWORK) ? records : [draft(), ...records];
    },
    async remove(name): Promise<void> {
      await using held = await lock(networkLock(parts));
      const record = findNetwork(parts, name);
      if (record === undefined || record.name === DEFAULT_NETWORK) {
        throw new RuntimeError("NETWORK_UNKNOWN", `Cannot remove network ${JSON.stringify(name)}: there is none of that name that users made`);
      }
      if (isUsed(record)) throw new RuntimeError("CONTAINER_STATE", `Cannot remove network ${JSON.stringify(name)}: containers are on it`);
      await takeDown(parts, record, { all: allNetworks(parts), under: [held] });
      await parts.table.remove(record.name);
      parts.tell("destroy", record);
    },
    removeIdle: async () => await removeIdle(parts),
  };
}

/** By name, id or unique beginning of an id. */
export function findNetwork(parts: Pick<NetworkParts, "table">, reference: string): NetworkRecord | undefined {
  const named = parts.table.get(reference);
  if (named !== undefined || !/^[0-9a-f]+$/.test(reference)) return named;
  const matches = parts.table.list().filter(([, network]) => network.id.startsWith(reference));
  return matches.length === 1 ? matches[0]?.[1] : undefined;
}

/** A namespace that no endpoint knows. */
export async function forgetNamespace(parts: NetworkParts, owner: string): Promise<void> {
  await parts.kernel.apply(["forget-netns", namespacePath(parts, owner)]);
}

/** Links that belong to no endpoint, bridges that nobody is on, and their rules. */
export async function removeIdle(parts: NetworkParts): Promise<void> {
  await using held = await lock(networkLock(parts));
  const networks = allNetworks(parts);
  const wanted = new Set(networks.flatMap((network) => linksOf(parts.tag, network)));
  const stray = linkNames().filter((name) => name.startsWith(`st${parts.tag}`) && !wanted.has(name));
  for (const network of networks) if (!isUsed(network)) unmark(parts, network);
  if (stray.length > 0 || (networks.length > 0 && wanted.size === 0)) await removeLinks(parts, stray, { all: networks, under: [held] });
  stopLingering(parts);
}

/** The bridge and its ports, none while nobody is on it. */
function linksOf(tag: string, network: NetworkRecord): readonly string[] {
  const endpoints = Object.values(network.endpoints);
  return endpoints.length === 0 ? [] : [network.bridge, ...endpoints.map((endpoint) => linkName(tag, network.index, endpoint.offset))];
}
