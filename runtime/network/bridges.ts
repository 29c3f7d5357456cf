/**
 * The life of bridges and of the rules that belong to them. A bridge is made for the first container on its network; it stays for a while
 * after the last one, because taking it down and making it again is what a short container would wait for most. A small process
 * (strata-network linger) waits for that while; its file is its life. The caller holds the lock of networks.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { removeFile } from "../../store/remove-tree.ts";
import { namedProcess, processName } from "../../store/process-id.ts";
import type { Table } from "../../store/tables.ts";
import type { Lock } from "../engine/lock.ts";
import { exitEnvironment } from "../process/host.ts";
import { type Kernel, linkExists } from "./kernel.ts";
import type { NetworkRecord } from "./record.ts";
import { ruleset } from "./ruleset.ts";

export interface BridgeParts {
  readonly tag: string;
  readonly runRoot: string;
  readonly table: Table<NetworkRecord>;
  readonly kernel: Kernel;
  /** Path of strata-network. */
  readonly program: string;
  /** argv that runs this program again. */
  readonly self: readonly string[];
}

/** All networks of a root as they are to be, and the locks that nobody gets before the kernel has heard of it. */
export interface Locked {
  readonly all: readonly NetworkRecord[];
  readonly under: readonly Lock[];
}

/** How long a bridge stays that nobody is on. */
const IDLE_SECONDS = 10;

/** The bridge is there with its rules; a crash may have left it without. */
export function isWhole(parts: BridgeParts, network: NetworkRecord): boolean {
  try {
    return readFileSync(markOf(parts, network), "latin1") === network.id && linkExists(network.bridge);
  } catch {
    return false;
  }
}

export function markWhole(parts: BridgeParts, network: NetworkRecord): void {
  writeInto(markOf(parts, network), network.id);
}

/** Before it is made, and before it goes. */
export function unmark(parts: BridgeParts, network: NetworkRecord): void {
  removeFile(markOf(parts, network));
}

/** What was made for another root at the same path, or by somebody who was killed meanwhile, with nobody on it. */
export async function removeStale(parts: BridgeParts, network: NetworkRecord, networks: Locked): Promise<void> {
  if (linkExists(network.bridge) && !isUsed(network) && !isWhole(parts, network)) await removeLinks(parts, [network.bridge], networks);
}

/** Rules first: whoever is killed between leaves links, which the next one takes for stale, and no rules of links that are gone. */
export async function removeLinks(parts: BridgeParts, links: readonly string[], networks: Locked): Promise<void> {
  await writeRules(parts, networks, { optional: true });
  await parts.kernel.apply(
    links.flatMap((name) => ["remove-link", name]),
    networks.under,
  );
}

/** The rules of all networks that have a bridge or get one. `optional`: unless the machine has no nft. */
export async function writeRules(parts: BridgeParts, { all: networks, under }: Locked, { optional }: { readonly optional: boolean }): Promise<void> {
  const options = { optional, under };
  const live = networks.filter((network) => isUsed(network) || isWhole(parts, network));
  const isFirst = live.length === 1 && live.every((network) => !isWhole(parts, network));
  const { tag, kernel } = parts;
  try {
    if (isFirst) return await kernel.rules(ruleset(tag, networks, live, "create"), options);
  } catch {
    /* there is a table already */
  }
  await kernel.rules(ruleset(tag, networks, live), options);
}

export function isUsed({ endpoints }: Pick<NetworkRecord, "endpoints">): boolean {
  return Object.keys(endpoints).length > 0;
}

/** Of a network that is removed. */
export async function takeDown(parts: BridgeParts, network: NetworkRecord, networks: Locked): Promise<void> {
  if (!linkExists(network.bridge)) return;
  unmark(parts, network);
  await removeLinks(parts, [network.bridge], networks);
}

/** Somebody is about to use a bridge: whoever waits for it to be idle begins anew. */
export function touch(parts: BridgeParts): void {
  const now = new Date();
  try {
    utimesSync(idleFile(parts), now, now);
  } catch {
    /* nobody waits */
  }
}

/** The last one leaves: from now on somebody waits. */
export function linger(parts: BridgeParts): void {
  if (isLingering(parts)) return touch(parts);
  const file = idleFile(parts);
  writeInto(file, ""); // it ends when there is none
  const command = [...parts.self, "network-settle"];
  const child = spawn(parts.program, ["linger", file, String(IDLE_SECONDS), parts.tag, ...command], {
    cwd: "/",
    stdio: "ignore",
    detached: true,
    env: exitEnvironment(process.env),
  });
  child.once("error", () => undefined); // no process to be had: the bridge stays until the next one leaves
  child.unref();
  if (child.pid !== undefined) writeFileSync(file, processName(child.pid));
}

/** All that was idle is gone. */
export function stopLingering(parts: BridgeParts): void {
  removeFile(idleFile(parts));
}

function isLingering(parts: BridgeParts): boolean {
  try {
    return namedProcess(readFileSync(idleFile(parts), "latin1")) !== undefined;
  } catch {
    return false;
  }
}

function writeInto(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function markOf({ runRoot }: BridgeParts, { bridge }: NetworkRecord): string {
  return join(runRoot, "bridges", bridge);
}

function idleFile({ runRoot }: BridgeParts): string {
  return join(runRoot, "bridges", "idle");
}
