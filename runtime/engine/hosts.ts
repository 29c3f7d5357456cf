/** Writes a container's /etc/hosts, /etc/hostname and /etc/resolv.conf, and tells its peers on a user network its name. */
import { writeFile } from "node:fs/promises";
import { hostname as machineName } from "node:os";
import { join } from "node:path";
import { isInUserNamespace } from "../../store/user-namespace.ts";
import type { ContainerRecord, NetworkState } from "../engine.ts";
import { DEFAULT_NETWORK, type NetworkRecord } from "../network/record.ts";
import { USER_MODE } from "../network/user-mode-address.ts";
import { hostResolver, hostsText, resolvText } from "./identity-files.ts";
import { containerFolder, type Parts } from "./parts.ts";

export interface IdentityFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolv: string;
}

export function identityFiles(folder: string): IdentityFiles {
  return { hosts: join(folder, "hosts"), hostname: join(folder, "hostname"), resolv: join(folder, "resolv.conf") };
}

/** Who shares a network shares its name, unless told. */
export function hostnameOf(parts: Parts, record: ContainerRecord): string {
  const { mode } = record.network;
  const own = record.options.hostname ?? record.id.slice(0, 12);
  if (record.options.hostname !== undefined) return own;
  if (mode.kind === "host" || record.options.utsMode === "host") return machineName();
  if (mode.kind === "sandbox") return parts.sandboxes.get(mode.id)?.hostname ?? own;
  const other = mode.kind === "container" ? parts.records.get(mode.id) : undefined;
  return other === undefined ? own : hostnameOf(parts, other);
}

export async function writeIdentity(parts: Parts, record: ContainerRecord, network: NetworkState): Promise<IdentityFiles> {
  const files = identityFiles(containerFolder(parts, record.id));
  const hostname = hostnameOf(parts, record);
  await Promise.all([
    writeFile(files.hostname, `${hostname}\n`),
    writeFile(files.resolv, resolvText(await hostResolver(), { ...record.options.dns, ...userResolver(record, network) }, network.mode.kind === "host")),
    writeFile(files.hosts, hostsOf(parts, record, network)),
  ]);
  return files;
}

/** Of an ordinary user's network: it asks whom this machine asks, also one on its loopback. */
function userResolver({ options: { dns = {} } }: ContainerRecord, { mode }: NetworkState): { readonly servers?: readonly string[] } {
  const isAsked = (dns.servers?.length ?? 0) > 0 || dns.exact === true;
  return mode.kind === "bridge" && !isAsked && isInUserNamespace() ? { servers: [USER_MODE.resolver] } : {};
}

function hostsOf(parts: Parts, record: ContainerRecord, network: NetworkState): string {
  const { mode, address, gateway } = network;
  return hostsText({
    address,
    gateway,
    names: mode.kind === "none" ? [] : namesOf(hostnameOf(parts, record), record.options.domain ?? record.options.domainname),
    extra: record.options.extraHosts ?? [],
    peers: mode.kind === "bridge" ? peersOf(parts, mode.name, record.id) : [],
  });
}

/** The first is the canonical one. */
function namesOf(hostname: string, domain: string | undefined): readonly string[] {
  return domain === undefined ? [hostname] : [`${hostname}.${domain}`, hostname];
}

/** On the default network containers do not find each other by name, as in docker. */
function peersOf(parts: Parts, network: string, except: string): readonly { readonly address: string; readonly names: readonly string[] }[] {
  if (network === DEFAULT_NETWORK) return [];
  const endpoints = Object.values(parts.network.table.get(network)?.endpoints ?? {});
  return endpoints.filter((endpoint) => endpoint.owner !== except && endpoint.names.length > 0).map(({ address, names }) => ({ address, names }));
}

/** After someone came or went: the files are bound into the containers, so they are written in place. */
export async function refreshPeers(parts: Parts, network: NetworkRecord | undefined, except: string): Promise<void> {
  if (network === undefined || network.name === DEFAULT_NETWORK) return;
  const peers = Object.keys(network.endpoints).flatMap((owner) => (owner === except ? [] : [parts.records.get(owner)]));
  for (const peer of peers) {
    if (peer !== undefined) await writeFile(identityFiles(containerFolder(parts, peer.id)).hosts, hostsOf(parts, peer, peer.network)).catch(() => {});
  }
}
