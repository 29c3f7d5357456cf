/**
 * What the layers of an image change, in the form that pages show: a listing for each folder that has a change in it.
 * Listings are text, so that they cross from the worker cheaply and their size is known. Paths are visible names (format.ts).
 */
import { stackChanges, type LayerChange, type LayerReport } from "../../../store/layer/changes.ts";
import type { LayerEntry } from "../../../store/store.ts";
import { visibleName } from "./format.ts";

export interface Counts {
  readonly added: number;
  readonly changed: number;
  /** Files of layers below that cannot be reached any more. */
  readonly hidden: number;
}

/** One line of a folder. */
export interface ListingRow extends Counts {
  readonly name: string;
  /** Undefined for a folder that only has changes below it. */
  readonly kind?: LayerChange["kind"];
  readonly type: LayerChange["type"];
  /** Of files that are added or changed, those below a folder too. */
  readonly bytes: number;
  /** Bytes of layers below that this hides. */
  readonly hides: number;
  /** It has a listing of its own. */
  readonly isOpen: boolean;
}

export interface LayerListing extends Counts, Omit<LayerReport, "changes"> {
  /** Rows as JSON by the folder's path; "" is the root. */
  readonly folders: ReadonlyMap<string, string>;
}

export interface StackListing {
  readonly layers: readonly LayerListing[];
  readonly bytes: number;
  readonly wasted: number;
  /** The largest files that nobody can reach. Layers count from 0. */
  readonly waste: readonly { readonly path: string; readonly bytes: number; readonly layer: number; readonly hiddenBy: number }[];
}

const MAX_WASTE = 50;

/** `layers`: entries of each, lowest layer first. */
export function listStack(layers: readonly (readonly LayerEntry[])[]): StackListing {
  const report = stackChanges(layers);
  const total = (field: "bytes" | "wasted"): number => report.layers.reduce((sum, layer) => sum + layer[field], 0);
  return {
    layers: report.layers.map(listLayer),
    bytes: total("bytes"),
    wasted: total("wasted"),
    waste: report.waste.slice(0, MAX_WASTE).map((file) => ({ ...file, path: visibleName(file.path) })),
  };
}

/** Characters, as a measure of the memory that it takes. */
export function sizeOfListing({ layers }: StackListing): number {
  let size = 0;
  for (const { folders } of layers) for (const [path, rows] of folders) size += path.length + rows.length;
  return size;
}

export function readRows(layer: LayerListing, path: string): readonly ListingRow[] | undefined {
  const rows = layer.folders.get(path);
  return rows === undefined ? undefined : (JSON.parse(rows) as readonly ListingRow[]);
}

interface Node {
  change: LayerChange | undefined;
  readonly children: Map<string, Node>;
}

function listLayer({ changes, bytes, hides, wasted }: LayerReport): LayerListing {
  const root: Node = { change: undefined, children: new Map() };
  for (const change of changes) placeOf(root, change.path).change = change;
  const folders = new Map<string, string>();
  const { added, changed, hidden } = listFolder(root, "", "", folders);
  return { bytes, hides, wasted, added, changed, hidden, folders };
}

function placeOf(root: Node, path: string): Node {
  let at = root;
  for (const name of path.split("/")) {
    let next = at.children.get(name);
    if (next === undefined) at.children.set(name, (next = { change: undefined, children: new Map() }));
    at = next;
  }
  return at;
}

/** Writes the listings of a folder and of those below it; gives the folder's own row. */
function listFolder({ change, children }: Node, path: string, name: string, into: Map<string, string>): ListingRow {
  const rows = [...children].map(([child, node]) => {
    const shown = visibleName(child);
    return listFolder(node, path === "" ? shown : `${path}/${shown}`, shown, into);
  });
  rows.sort((a, b) => Number(b.type === "directory") - Number(a.type === "directory") || (a.name < b.name ? -1 : 1));
  if (rows.length > 0) into.set(path, JSON.stringify(rows));
  const sum = (field: "added" | "changed" | "hidden" | "bytes" | "hides"): number => rows.reduce((total, row) => total + row[field], 0);
  return {
    name,
    ...(change === undefined ? {} : { kind: change.kind }),
    type: change?.type ?? "directory",
    bytes: sum("bytes") + (change?.bytes ?? 0),
    hides: sum("hides") + (change?.hides ?? 0),
    added: sum("added") + Number(change?.kind === "added"),
    changed: sum("changed") + Number(change?.kind === "changed"),
    hidden: sum("hidden") + (change?.kind === "removed" ? Math.max(1, change.files) : 0),
    isOpen: rows.length > 0,
  };
}
