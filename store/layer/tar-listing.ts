/** A layer's entries read from its tar and not unpacked: what `Snapshots.entries` would say of it. Spec: image-spec v1.1, layer.md, "Whiteouts". */
import { StoreError } from "../errors.ts";
import type { LayerEntry } from "../store.ts";
import type { TarReader } from "../tar/reader.ts";
import type { TarMember } from "../tar/member.ts";
import { OPAQUE_NAME, WHITEOUT_PREFIX } from "./normal.ts";

/** What may yet be listed; it is spent. */
export interface ListingBudget {
  entries: number;
  /** Of all paths together. */
  characters: number;
  /** Parts of paths, those left out that the path before has too: as many folders may have to be remembered. */
  parts: number;
}

/** Linux's PATH_MAX: nothing longer can be unpacked. */
const MAX_PATH = 4096;

/** @throws {StoreError} `LAYER_INVALID`; `SIZE_MISMATCH` when it is more than `budget` */
export function listTar(tar: TarReader, budget: ListingBudget): readonly LayerEntry[] {
  const entries = new Map<string, LayerEntry>();
  const hidden = new Map<string, LayerEntry>();
  let before = "";
  for (let member = tar.next(); member !== undefined; member = tar.next()) {
    const entry = entryOf(member);
    if (entry === undefined) continue;
    spend(budget, entry.path, before);
    before = entry.path;
    if (entry.type === "whiteout" || entry.type === "opaque") hidden.set(`${entry.type} ${entry.path}`, entry);
    else entries.set(entry.path, entry); // a later entry of the same name takes its place
  }
  // What a layer removes and makes again hides everything below it.
  for (const [key, { path, type }] of hidden) {
    if (type !== "whiteout" || !entries.has(path)) continue;
    hidden.delete(key);
    if (entries.get(path)?.type === "directory") hidden.set(`opaque ${path}`, marker("opaque", path));
  }
  return [...hidden.values(), ...entries.values()];
}

function spend(budget: ListingBudget, path: string, before: string): void {
  budget.entries -= 1;
  budget.characters -= path.length;
  budget.parts -= newParts(path, before);
  if (budget.entries < 0 || budget.characters < 0 || budget.parts < 0)
    throw new StoreError("SIZE_MISMATCH", "Cannot list the layers: they have too many files");
}

function newParts(path: string, before: string): number {
  let parts = 1;
  for (let at = path.length; at > 0; parts++) {
    at = path.lastIndexOf("/", at - 1);
    if (at < 0 || before.startsWith(path.slice(0, at + 1))) break;
  }
  return parts;
}

/** Undefined for the root and for bookkeeping of aufs. */
function entryOf(member: TarMember): LayerEntry | undefined {
  const path = plainPath(member.name);
  const slash = path.lastIndexOf("/") + 1;
  const name = path.slice(slash);
  if (path.startsWith(".wh..wh.") && name !== OPAQUE_NAME) return undefined;
  if (!name.startsWith(WHITEOUT_PREFIX)) return path === "" ? undefined : plainEntry(path, member);
  if (name === OPAQUE_NAME) return marker("opaque", path.slice(0, Math.max(0, slash - 1)));
  return name.startsWith(".wh..wh.") ? undefined : marker("whiteout", path.slice(0, slash) + name.slice(WHITEOUT_PREFIX.length));
}

function plainEntry(path: string, { type, mode, uid, gid, mtime, size, target, xattrs }: TarMember): LayerEntry {
  const more = {
    ...(type === "file" ? { size } : {}),
    ...(type === "hardlink" ? { target: plainPath(target) } : type === "symlink" ? { target } : {}),
    ...(type === "directory" && Object.keys(xattrs).length > 0 ? { xattrs } : {}),
  };
  return { path, type, mode, uid, gid, mtime, ...more };
}

function plainPath(text: string): string {
  if (text.length > MAX_PATH) throw new StoreError("LAYER_INVALID", `Cannot read layer entry ${text.slice(0, 80)}…: its path is too long`);
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new StoreError("LAYER_INVALID", `Cannot read layer entry ${JSON.stringify(text)}: it leads out of the layer`);
  return parts.join("/");
}

function marker(type: "whiteout" | "opaque", path: string): LayerEntry {
  return { path, type, mode: 0, uid: 0, gid: 0, mtime: 0 };
}
