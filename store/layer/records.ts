/** What the database knows of layers: by chainID the stack, by diffID the content. */
import { join } from "node:path";
import { encodedOf, type Digest } from "../digest.ts";
import { nameKey } from "../file-names.ts";
import type { Layout } from "../layout.ts";
import type { Descriptor } from "../oci.ts";
import type { ChainID, Compression, Layer, LayerEntry } from "../store.ts";
import type { Table } from "../tables.ts";

/** A diff folder under layers/, with what Node cannot see in it. */
export interface FolderRecord {
  readonly id: string;
  /** The folder with all of this layer that is not in its own, which says only what differs: see snapshot/amend.ts. */
  readonly over?: string;
  /** Folders that hide what is below them; "" is the root. Paths here are keys: see `nameKey`. */
  readonly opaque?: readonly string[];
  /** Values in base64, by path and name. */
  readonly xattrs?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface LayerRecord {
  readonly parent?: ChainID;
  readonly diffID: Digest;
  readonly size: number;
  readonly folder: FolderRecord;
}

export interface DiffRecord {
  /** Bytes of the uncompressed tar. */
  readonly size: number;
  /** Present when the folder holds every parent of its entries: any chain may use it. */
  readonly folder?: FolderRecord;
  /** The tar can be written again from the folder. Otherwise it is in `blobs`. */
  readonly canonical: boolean;
  /** Blobs whose uncompressed content this is. */
  readonly blobs: Partial<Readonly<Record<BlobForm, Descriptor>>>;
}

/** A compression, or one at a level that was asked for: those are no substitute for each other. */
export type BlobForm = Compression | `${Compression}-${number}`;

export interface LayerTables {
  readonly layers: Table<LayerRecord>;
  readonly diffs: Table<DiffRecord>;
}

/** Short, so that many of them fit into overlay's mount options. */
export function folderID(name: Digest, isShared: boolean): string {
  return encodedOf(name).slice(0, 32) + (isShared ? "" : "-c");
}

export function folderPath(layout: Layout, { id }: Pick<FolderRecord, "id">): string {
  return join(layout.layers, id, "fs");
}

/** Of the layer's own folder and of the one it stands over, as overlay would stack them. */
export function folderPaths(layout: Layout, folder: FolderRecord): readonly string[] {
  return foldersOf(folder).map((part) => folderPath(layout, part));
}

export function foldersOf(folder: FolderRecord): readonly FolderRecord[] {
  return folder.over === undefined ? [folder] : [folder, { id: folder.over }];
}

/** What the tar of a wide layer is made of, to make it again with a few changes: see layer/tar-list.ts. */
export function listPath(layout: Layout, id: string): string {
  return join(layout.layers, id, "list");
}

export function layerOf(layout: Layout, chainID: ChainID, record: LayerRecord): Layer {
  const [folder = "", over] = folderPaths(layout, record.folder);
  return { chainID, parent: record.parent, diffID: record.diffID, size: record.size, folder, over };
}

/** The part of a folder's entries that only a walk with xattrs shows. */
export function hiddenFacts(entries: readonly LayerEntry[]): Omit<FolderRecord, "id"> {
  const opaque = entries.filter(({ type }) => type === "opaque").map(({ path }) => nameKey(path));
  const attributed = entries.filter(({ xattrs }) => xattrs !== undefined);
  const encode = (xattrs: LayerEntry["xattrs"]): Record<string, string> =>
    Object.fromEntries(Object.entries(xattrs ?? {}).map(([name, value]) => [name, Buffer.from(value).toString("base64")]));
  return {
    ...(opaque.length === 0 ? {} : { opaque }),
    ...(attributed.length === 0 ? {} : { xattrs: Object.fromEntries(attributed.map(({ path, xattrs }) => [nameKey(path), encode(xattrs)])) }),
  };
}

/** Joins what two writers learnt of one diff. */
export function mergeDiff(current: DiffRecord | undefined, found: DiffRecord): DiffRecord {
  if (current === undefined) return found;
  const folder = current.folder ?? found.folder;
  const isNew =
    folder !== current.folder || found.canonical !== current.canonical || Object.keys(found.blobs).some((compression) => !(compression in current.blobs));
  if (!isNew) return current;
  return {
    ...current,
    ...(folder === undefined ? {} : { folder }),
    canonical: current.canonical || found.canonical,
    blobs: { ...found.blobs, ...current.blobs },
  };
}
