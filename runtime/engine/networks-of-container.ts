/** network connect and disconnect: the record first, then, where the container runs, its link, its name and its routes. */
import { appendFile } from "node:fs/promises";
import type { ContainerRecord } from "../engine.ts";
import { namespacePath } from "../network/attach.ts";
import type { Connection } from "../networks.ts";
import { leave, openEndpoint } from "./connect.ts";
import { connectionsOf, strayNetworks, withConnection, withoutConnection } from "./connections.ts";
import { identityFiles, writeResolver } from "./hosts.ts";
import { lockContainer } from "./lock-container.ts";
import { containerFolder, type Parts } from "./parts.ts";
import { inspect, isLive } from "./status.ts";

/** @throws {RuntimeError} `CONTAINER_UNKNOWN`, `CONTAINER_STATE`, `NETWORK_UNKNOWN`, `NETWORK_FAILED` */
export async function connectNetwork(parts: Parts, reference: string, added: Connection): Promise<void> {
  const { id } = parts.records.find(reference);
  await using _ = await lockContainer(parts, id);
  const { record, status } = await inspect(parts, parts.records.find(id));
  const before = record.connections;
  const connections = withConnection(record, added);
  await parts.records.change(id, (current) => ({ ...current, connections }));
  if (!isLive(status)) return;
  try {
    const used = new Set((record.network.endpoints ?? []).map(({ device }) => device));
    const { endpoint, ready } = await openEndpoint(parts, record, added, { device: freeDevice(used), ports: [] });
    await ready;
    const network = { ...record.network, endpoints: [...(record.network.endpoints ?? []), endpoint] };
    const changed = await parts.records.change(id, (current) => ({ ...current, network }));
    if (changed === undefined) return;
    await writeResolver(parts, changed, network);
    await appendFile(identityFiles(containerFolder(parts, id)).hosts, `${endpoint.address}\t${record.options.hostname ?? id.slice(0, 12)}\n`);
  } catch (error) {
    await leave(parts, record, added.network);
    await parts.records.change(id, ({ connections: _added, ...current }) => ({ ...current, ...(before !== undefined && { connections: before }) }));
    throw error;
  }
}

/** @throws {RuntimeError} `CONTAINER_UNKNOWN`, `CONTAINER_STATE` */
export async function disconnectNetwork(parts: Parts, reference: string, name: string): Promise<void> {
  const { id } = parts.records.find(reference);
  await using _ = await lockContainer(parts, id);
  const { record, status } = await inspect(parts, parts.records.find(id));
  const isHalf = strayNetworks(record).includes(name);
  const connections = isHalf ? connectionsOf(record) : withoutConnection(record, name);
  const told = await parts.records.change(id, (current) => ({ ...current, connections }));
  if (isLive(status) && told !== undefined) await finishDisconnect(parts, told, name);
}

/** The caller holds the container's lock, and its record says so already. */
export async function finishDisconnect(parts: Parts, record: ContainerRecord, name: string): Promise<void> {
  const { id } = record;
  await leave(parts, record, name);
  const before = record.network.endpoints ?? [];
  const endpoints = before.filter(({ network }) => network !== name);
  const network = primary({ ...record.network, endpoints }, before[0]?.network);
  const changed = await parts.records.change(id, (current) => ({ ...current, network }));
  const next = endpoints.find(({ gateway }) => gateway !== "");
  if (next !== undefined) await parts.network.kernel.apply(["netns", namespacePath(parts, id), "gateway", next.gateway]);
  if (changed !== undefined) await writeResolver(parts, changed, network);
}

/** What is told of the first network is told of the one that is first now; ports were published on the one that was. */
function primary(network: ContainerRecord["network"], firstBefore: string | undefined): ContainerRecord["network"] {
  const { address: _address, prefixLength: _prefix, gateway: _gateway, mac: _mac, ...rest } = network;
  const first = network.endpoints?.[0];
  const ports = firstBefore === first?.network ? rest.ports : [];
  return first === undefined
    ? { ...rest, ports }
    : { ...rest, ports, address: first.address, prefixLength: first.prefixLength, gateway: first.gateway, mac: first.mac };
}

function freeDevice(used: ReadonlySet<string>): string {
  for (let number = 0; ; number++) if (!used.has(`eth${number}`)) return `eth${number}`;
}
