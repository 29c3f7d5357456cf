/**
 * Names of containers on users' networks. Each network has a file of its endpoints' names under the run root, written under
 * the lock of networks; each container that is on such a network has a small server of its own (strata-names), which answers
 * at 127.0.0.11 from those files and ends when the container's namespace is unpinned. Nobody's hosts file is ever edited.
 */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { runCommand } from "../engine/command.ts";
import { DEFAULT_NETWORK, type NetworkRecord } from "./record.ts";
import { isServerAlive, recordServer } from "./server-record.ts";

/** Where every container of a user's network asks. */
export const NAME_SERVER = "127.0.0.11";

interface RunRoot {
  readonly runRoot: string;
}

function folder({ runRoot }: RunRoot): string {
  return join(runRoot, "names");
}

function networkFile(parts: RunRoot, id: string): string {
  return join(folder(parts), `network-${id}`);
}

function serverFile(parts: RunRoot, owner: string): string {
  return join(folder(parts), `server-${owner}`);
}

function ownerFile(parts: RunRoot, owner: string): string {
  return join(folder(parts), `owner-${owner}`);
}

/** On the default network containers do not find each other by name, as in docker. */
export function hasNames(network: string): boolean {
  return network !== DEFAULT_NETWORK;
}

/** After an endpoint came or went. The caller holds the lock of networks. */
export async function writeNetworkNames(parts: RunRoot, network: NetworkRecord): Promise<void> {
  if (!hasNames(network.name)) return;
  const path = networkFile(parts, network.id);
  const endpoints = Object.values(network.endpoints);
  if (endpoints.length === 0) return await rm(path, { force: true });
  await replace(parts, path, namesText(network));
}

/** The full name first: it is what an address is called. Pure. */
export function namesText({ name, endpoints }: Pick<NetworkRecord, "name" | "endpoints">): string {
  return Object.values(endpoints)
    .flatMap(({ names, address, address6 }) => {
      const addresses = `${address} ${address6 ?? "-"}`;
      return [...names.slice(0, 1).map((own) => `${own}.${name}`), ...names, ...names.slice(1).map((own) => `${own}.${name}`)].map(
        (own) => `${own} ${addresses}\n`,
      );
    })
    .join("");
}

export interface NamesOf {
  readonly owner: string;
  readonly namespace: string;
  /** Those whose names it is to know. */
  readonly networks: readonly { readonly id: string }[];
  /** Who is asked for all other names; none where no network leads out. */
  readonly servers: readonly string[];
}

/** Starts the server, or tells the one that runs of other networks. Resolves when it answers. */
export async function serveNames(parts: RunRoot, program: string, { owner, namespace, networks, servers }: NamesOf): Promise<void> {
  const path = ownerFile(parts, owner);
  const lines = [...networks.map(({ id }) => `network ${basename(networkFile(parts, id))}`), ...servers.map((server) => `server ${server}`)];
  await replace(parts, path, lines.map((line) => `${line}\n`).join(""));
  if (isServing(parts, owner)) return;
  const pid = Number(await runCommand(program, [namespace, path], { what: "serve names to the container", code: "NETWORK_FAILED" }));
  await recordServer(serverFile(parts, owner), pid);
}

export function isServing(parts: RunRoot, owner: string): boolean {
  return isServerAlive(serverFile(parts, owner));
}

/** The server ends by itself, with the namespace. */
export async function forgetNames(parts: RunRoot, owner: string): Promise<void> {
  await Promise.all([rm(ownerFile(parts, owner), { force: true }), rm(serverFile(parts, owner), { force: true })]);
}

/** Whoever reads it finds it whole. */
async function replace(parts: RunRoot, path: string, text: string): Promise<void> {
  await mkdir(folder(parts), { recursive: true });
  const aside = `${path}.${process.pid}`;
  await writeFile(aside, text);
  await rename(aside, path);
}
