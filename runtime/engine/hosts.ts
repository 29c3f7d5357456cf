/** Writes a container's /etc/hosts, /etc/hostname and /etc/resolv.conf. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isInUserNamespace } from "../../store/user-namespace.ts";
import type { ContainerRecord, NetworkState } from "../engine.ts";
import { hasNames, NAME_SERVER, serveNames } from "../network/names.ts";
import { USER_MODE } from "../network/user-mode-address.ts";
import { hostResolver, hostsText, nameServers, type ResolverOptions, resolvText } from "./identity-files.ts";
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

/** Of the UTS namespace that we are in. node:os says it too, and takes a millisecond to load. */
function machineName(): string {
  return readFileSync("/proc/sys/kernel/hostname", "latin1").trimEnd();
}

/** Who shares another's network has its files, too. */
export async function writeIdentity(parts: Parts, record: ContainerRecord, network: NetworkState): Promise<IdentityFiles> {
  const { mode } = network;
  const shared = mode.kind === "container" ? parts.records.get(mode.id) : undefined;
  if (shared !== undefined && shared.network.mode.kind !== "host") return identityFiles(containerFolder(parts, shared.id));
  const files = identityFiles(containerFolder(parts, record.id));
  const hostname = hostnameOf(parts, record);
  writeFileSync(files.hostname, `${hostname}\n`);
  writeFileSync(files.hosts, hostsOf(parts, record, network));
  await writeResolver(parts, record, network);
  return files;
}

/** /etc/resolv.conf; on users' networks it names a server of the container's own, which is started here. */
export async function writeResolver(parts: Parts, record: ContainerRecord, network: NetworkState): Promise<void> {
  const { resolv } = identityFiles(containerFolder(parts, record.id));
  const flags = resolverFlags(record, network);
  const host = hostResolver();
  if (!(await serveNamesOf(parts, record, network)))
    return writeFileSync(resolv, resolvText(host, { ...flags, ...userResolver(record, network) }, network.mode.kind === "host"));
  writeFileSync(resolv, resolvText(host, { ...flags, servers: [NAME_SERVER], options: flags.options?.length ? flags.options : ["ndots:0"] }, false));
}

/** Idempotent. False where the container is on no network with names. */
export async function serveNamesOf(parts: Parts, record: ContainerRecord, network: NetworkState): Promise<boolean> {
  const endpoints = network.endpoints ?? [];
  const named = endpoints.filter(({ network: name }) => hasNames(name));
  const { namespace } = network;
  if (namespace === undefined || named.length === 0) return false;
  const leadsOut = endpoints.some(({ gateway }) => gateway !== "");
  const networks = named.map(({ networkID }) => ({ id: networkID }));
  const servers = leadsOut ? nameServers(hostResolver(), resolverFlags(record, network)) : []; // asked from this machine: its own loopback is reached
  await serveNames(parts, parts.programs.names, { owner: record.id, namespace, networks, servers });
  return true;
}

/** Of an ordinary user's network: it asks whom this machine asks, also one on its loopback. */
function userResolver({ options: { dns = {} } }: ContainerRecord, { mode }: NetworkState): { readonly servers?: readonly string[] } {
  const isAsked = (dns.servers?.length ?? 0) > 0 || dns.exact === true;
  return mode.kind === "bridge" && !isAsked && isInUserNamespace() ? { servers: [USER_MODE.resolver] } : {};
}

function resolverFlags({ options }: ContainerRecord, { dns = {} }: NetworkState): ResolverOptions {
  return { ...dns, ...Object.fromEntries(Object.entries(options.dns ?? {}).filter(([, value]) => !Array.isArray(value) || value.length > 0)) };
}

function hostsOf(parts: Parts, record: ContainerRecord, network: NetworkState): string {
  const { mode, address, gateway, endpoints = [] } = network;
  const [, ...more] = endpoints;
  const names = mode.kind === "none" ? [] : namesOf(hostnameOf(parts, record), record.options.domain ?? record.options.domainname);
  const sixth = endpoints.flatMap(({ address6 }) => address6 ?? []);
  return hostsText({ address, gateway, names, extra: record.options.extraHosts ?? [], more: [...more.map((one) => one.address), ...sixth] });
}

/** The first is the canonical one. */
function namesOf(hostname: string, domain: string | undefined): readonly string[] {
  return domain === undefined ? [hostname] : [`${hostname}.${domain}`, hostname];
}
