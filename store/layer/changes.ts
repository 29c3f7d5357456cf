/**
 * What each layer of a stack adds, changes and hides, and which bytes are carried along for nothing. Pure: entries of layers in, a report out.
 * Bytes are those of files' content as a tar holds it (sparse files in full); a hard-linked file counts once, and is hidden with its last name.
 */
import type { LayerEntry } from "../store.ts";

export interface LayerChange {
  readonly kind: "added" | "changed" | "removed";
  readonly path: string;
  readonly type: LayerEntry["type"];
  /** Of a file that is added or changed. */
  readonly bytes: number;
  /** Bytes of layers below that this makes unreachable. */
  readonly hides: number;
  /** Files below a folder that goes. */
  readonly files: number;
}

/** A file that nobody can reach any more. Layers count from 0. */
export interface WastedFile {
  readonly path: string;
  readonly bytes: number;
  readonly layer: number;
  readonly hiddenBy: number;
}

export interface LayerReport {
  readonly changes: readonly LayerChange[];
  readonly bytes: number;
  /** Bytes of layers below that this layer hides. */
  readonly hides: number;
  /** Bytes of this layer that later ones hide. */
  readonly wasted: number;
}

export interface StackReport {
  readonly layers: readonly LayerReport[];
  /** Largest first. */
  readonly waste: readonly WastedFile[];
}

/** `layers`: entries of each as `Snapshots.entries` gives them, lowest layer first. */
export function stackChanges(layers: readonly (readonly LayerEntry[])[]): StackReport {
  const tree = new Tree();
  const changes = layers.map((entries, index) => tree.add(entries, index));
  const waste = tree.waste.toSorted((a, b) => b.bytes - a.bytes || a.layer - b.layer || (a.path < b.path ? -1 : 1));
  const wasted = (index: number): number => sum(waste.filter(({ layer }) => layer === index).map(({ bytes }) => bytes));
  return {
    layers: changes.map((own, index) => ({
      changes: own,
      bytes: sum(own.map(({ bytes }) => bytes)),
      hides: sum(own.map(({ hides }) => hides)),
      wasted: wasted(index),
    })),
    waste,
  };
}

interface Inode {
  readonly bytes: number;
  readonly layer: number;
  names: number;
}

interface Node {
  entry: Pick<LayerEntry, "type" | "mode" | "uid" | "gid" | "xattrs">;
  readonly inode: Inode | undefined;
  readonly children: Map<string, Node>;
}

interface Hidden {
  bytes: number;
  files: number;
}

/** The merged files of the layers so far. */
class Tree {
  readonly waste: WastedFile[] = [];
  readonly #root: Node = { entry: { type: "directory", mode: 0o755, uid: 0, gid: 0 }, inode: undefined, children: new Map() };

  add(entries: readonly LayerEntry[], layer: number): readonly LayerChange[] {
    const own = new Set(entries.flatMap(({ type, path }) => (isMarker(type) ? [] : [path])));
    const inodes = new Map<string, Inode>();
    const changes: LayerChange[] = [];
    for (const { path, type } of entries) if (type === "opaque") this.#clear(path, this.#find(path), own, layer, changes);
    for (const entry of entries) {
      if (entry.type === "whiteout") this.#remove(entry.path, layer, changes);
      else if (entry.type !== "opaque") this.#place(entry, layer, inodes, changes);
    }
    return changes;
  }

  #find(path: string): Node | undefined {
    let at: Node | undefined = this.#root;
    for (const name of split(path)) at = at?.children.get(name);
    return at;
  }

  /** Everything below goes, but for what the layer itself has there: that is changed. */
  #clear(path: string, node: Node | undefined, own: ReadonlySet<string>, layer: number, changes: LayerChange[]): void {
    for (const name of [...(node?.children.keys() ?? [])].sort()) {
      const below = path === "" ? name : `${path}/${name}`;
      if (own.has(below)) this.#clear(below, node?.children.get(name), own, layer, changes);
      else this.#remove(below, layer, changes);
    }
  }

  #remove(path: string, layer: number, changes: LayerChange[]): void {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const parent = this.#find(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    const node = parent?.children.get(name);
    if (node === undefined) return; // hides nothing
    parent?.children.delete(name);
    const { bytes, files } = this.#hide(path, node, layer);
    changes.push({ kind: "removed", path, type: node.entry.type, bytes: 0, hides: bytes, files });
  }

  #place(entry: LayerEntry, layer: number, inodes: Map<string, Inode>, changes: LayerChange[]): void {
    const names = split(entry.path);
    const name = names.pop() ?? "";
    const parent = this.#folder(names);
    const before = parent.children.get(name);
    if (before?.entry.type === "directory" && entry.type === "directory") {
      if (!isSameFolder(before.entry, entry)) changes.push({ kind: "changed", path: entry.path, type: "directory", bytes: 0, hides: 0, files: 0 });
      before.entry = entry;
      return;
    }
    const hidden = before === undefined ? { bytes: 0, files: 0 } : this.#hide(entry.path, before, layer);
    parent.children.set(name, { entry, inode: inodeOf(entry, layer, inodes), children: new Map() });
    const bytes = entry.type === "file" ? (entry.size ?? 0) : 0;
    changes.push({ kind: before === undefined ? "added" : "changed", path: entry.path, type: entry.type, bytes, hides: hidden.bytes, files: hidden.files });
  }

  /** Parents that no layer has are folders all the same. */
  #folder(names: readonly string[]): Node {
    let at = this.#root;
    for (const name of names) {
      let next = at.children.get(name);
      if (next === undefined) at.children.set(name, (next = { entry: this.#root.entry, inode: undefined, children: new Map() }));
      at = next;
    }
    return at;
  }

  #hide(path: string, node: Node, layer: number): Hidden {
    const hidden: Hidden = { bytes: 0, files: node.entry.type === "directory" ? 0 : 1 };
    const { inode } = node;
    if (inode !== undefined && --inode.names === 0 && inode.bytes > 0) {
      hidden.bytes += inode.bytes;
      this.waste.push({ path, bytes: inode.bytes, layer: inode.layer, hiddenBy: layer });
    }
    for (const [name, child] of node.children) {
      const below = this.#hide(`${path}/${name}`, child, layer);
      hidden.bytes += below.bytes;
      hidden.files += below.files;
    }
    return hidden;
  }
}

function inodeOf({ type, path, size = 0, target = "" }: LayerEntry, layer: number, inodes: Map<string, Inode>): Inode | undefined {
  const linked = type === "hardlink" ? inodes.get(target) : undefined;
  if (linked !== undefined) {
    linked.names++;
    return linked;
  }
  if (type !== "file") return undefined;
  const inode = { bytes: size, layer, names: 1 };
  inodes.set(path, inode);
  return inode;
}

function isMarker(type: LayerEntry["type"]): boolean {
  return type === "whiteout" || type === "opaque";
}

/** A folder is in every layer that has something below it: only other metadata is a change. Its time is not. */
function isSameFolder(a: Node["entry"], b: Node["entry"]): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && isSameXattrs(a.xattrs, b.xattrs);
}

export function isSameXattrs(a: LayerEntry["xattrs"] = {}, b: LayerEntry["xattrs"] = {}): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => b[name] !== undefined && Buffer.compare(a[name]!, b[name]) === 0);
}

function split(path: string): string[] {
  return path === "" ? [] : path.split("/");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
