/**
 * The one order and form of a layer's entries: sorted bytewise by tar name, whole seconds, the first name of linked files holds the content.
 * Whatever order they were given in, the tar comes out the same.
 */
import { StoreError } from "../errors.ts";
import { encodeName } from "../file-names.ts";
import type { LayerEntry } from "../store.ts";

export const WHITEOUT_PREFIX = ".wh.";
/** The next one is chown's "leave it as it is". */
const MAX_ID = 0xffff_fffe;
/** Linux's NAME_MAX. */
const MAX_NAME_BYTES = 255;
export const OPAQUE_NAME = ".wh..wh..opq";

/** @throws {StoreError} `LAYER_INVALID`, `PATH_ESCAPES` */
export function normalEntries(entries: readonly LayerEntry[]): LayerEntry[] {
  checkPaths(entries);
  const sorted = sortEntries(electFirstNames(entries));
  for (let index = 1; index < sorted.length; index++) {
    if (tarName(sorted[index]!) === tarName(sorted[index - 1]!))
      throw new StoreError("LAYER_INVALID", `Cannot write layer entry ${sorted[index]!.path}: it is there twice`);
  }
  return sorted;
}

/** @throws {StoreError} `LAYER_INVALID`, `PATH_ESCAPES` */
export function checkPaths(entries: readonly LayerEntry[]): void {
  for (const entry of entries) {
    checkPath(entry.path, entry.type === "opaque");
    if (Math.max(entry.uid, entry.gid) > MAX_ID)
      throw new StoreError("LAYER_INVALID", `Cannot write layer entry ${entry.path}: user or group is beyond ${MAX_ID}`);
    if (entry.type === "character" && (entry.major ?? 0) === 0 && (entry.minor ?? 0) === 0)
      throw new StoreError("LAYER_INVALID", `Cannot write layer entry ${entry.path}: device 0/0 is how an overlay marks a removal`);
  }
}

/** The name in the tar, without the trailing slash of folders. */
export function tarName(entry: LayerEntry): string {
  if (entry.type === "opaque") return entry.path === "" ? OPAQUE_NAME : `${entry.path}/${OPAQUE_NAME}`;
  if (entry.type !== "whiteout") return entry.path;
  const slash = entry.path.lastIndexOf("/") + 1;
  return entry.path.slice(0, slash) + WHITEOUT_PREFIX + entry.path.slice(slash);
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** What no path may have: an empty part, `.`, `..`, a zero byte. */
const NOT_PLAIN = /^\.{0,2}(?:\/|$)|\/\.{0,2}(?:\/|$)|\0/;
const MARKER = /(?:^|\/)\.wh\./;

function checkPath(path: string, mayBeRoot: boolean): void {
  if (path === "" && mayBeRoot) return;
  if (NOT_PLAIN.test(path)) throw new StoreError("PATH_ESCAPES", `Cannot write layer entry ${JSON.stringify(path)}: it is not a plain path below the root`);
  if (path.length > MAX_NAME_BYTES / 4 && path.split("/").some((part) => encodeName(part).length > MAX_NAME_BYTES))
    throw new StoreError("LAYER_INVALID", `Cannot write layer entry ${path.slice(0, MAX_NAME_BYTES)}…: a name in it is longer than ${MAX_NAME_BYTES} bytes`);
  if (MARKER.test(path))
    throw new StoreError("LAYER_INVALID", `Cannot write layer entry ${path}: names that begin with ${WHITEOUT_PREFIX} mean removals in a layer`);
}

/** UTF-16 order is byte order but for surrogates: only then are bytes compared. */
function sortEntries(entries: readonly LayerEntry[]): LayerEntry[] {
  const named = entries.map((entry) => ({ name: tarName(entry), entry }));
  if (named.some(({ name }) => /[\ud800-\udfff]/.test(name))) named.sort((a, b) => Buffer.compare(encodeName(a.name), encodeName(b.name)));
  else named.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return named.map(({ entry }) => entry);
}

/** Of several names of one file the first in order is the file, the others are links to it. */
function electFirstNames(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  const links = entries.filter((entry) => entry.type === "hardlink");
  if (links.length === 0) return entries;
  const files = new Map(entries.filter((entry) => entry.type !== "hardlink").map((entry) => [entry.path, entry]));
  const groups = new Map<LayerEntry, LayerEntry[]>();
  for (const link of links) {
    const file = files.get(link.target ?? "");
    if (file === undefined || file.type === "directory") {
      throw new StoreError(
        "LAYER_INVALID",
        `Cannot write layer entry ${link.path}: its hard link's target ${JSON.stringify(link.target)} is no file of this layer`,
      );
    }
    groups.set(file, [...(groups.get(file) ?? []), link]);
  }
  const rest = entries.filter((entry) => entry.type !== "hardlink" && !groups.has(entry));
  for (const [file, names] of groups) rest.push(...linkedNames(file, names));
  return rest;
}

function linkedNames(file: LayerEntry, links: readonly LayerEntry[]): LayerEntry[] {
  const [first, ...others] = sortEntries([file, ...links]);
  const { mode, uid, gid, mtime } = file;
  return [{ ...file, path: first!.path }, ...others.map(({ path }) => ({ path, type: "hardlink" as const, mode, uid, gid, mtime, target: first!.path }))];
}
