/**
 * The store's whole surface, as narrow interfaces that the other rooms take by role.
 * A write is whole or absent; two processes may share one root. Spec: ARCHITECTURE.md, "On disk".
 */
import type { Blobs, GrowingBlob, Ingests } from "./content.ts";
import type { Digest } from "./digest.ts";
import type { Descriptor, ImageConfig, Manifest, Platform } from "./oci.ts";
import type { Table } from "./tables.ts";

export interface Store extends AsyncDisposable {
  readonly root: string;
  /** All that this process wrote is named by records: collections in others need not spare it for this one's sake any longer. It may write again. */
  rest(): void;
  readonly blobs: Blobs;
  readonly ingests: Ingests;
  readonly snapshots: Snapshots;
  readonly images: Images;
  readonly leases: Leases;
  readonly care: Care;
  /** Opens the table called `name`; a room prefixes its own tables with its name (`builder.cache`). */
  table<Value>(name: string): Table<Value>;
}

/** Digest of the uncompressed layer tars of a stack. Spec: image-spec v1.1, config.md, "Layer ChainID". */
export type ChainID = Digest;

export interface Layer {
  readonly chainID: ChainID;
  readonly parent: ChainID | undefined;
  /** Digest of the canonical uncompressed tar. */
  readonly diffID: Digest;
  /** Bytes of that tar. */
  readonly size: number;
  /** The folder of this layer's diff, usable as an overlay lower directory. */
  readonly folder: string;
  /** Of an amended layer: the folder below the other, with all that did not change. */
  readonly over: string | undefined;
}

/** A writable layer: mount it as overlay with these three. */
export interface ActiveSnapshot {
  readonly key: string;
  readonly parent: ChainID | undefined;
  /** Overlay lower directories, topmost first. */
  readonly lowers: readonly string[];
  readonly upper: string;
  readonly work: string;
  /** Of one that is bounded: `upper` and `work` are in the file system that is in `image`, once somebody has mounted that on `target`. */
  readonly disk?: { readonly image: string; readonly target: string };
}

/**
 * One path of a layer to be written, names relative to the root without leading slash.
 * `source` says where a file's bytes come from: `copy` reads a host file (never through a symlink),
 * `link` hard-links a file of another committed layer of this store (it must never be written again).
 */
export interface LayerEntry {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "hardlink" | "fifo" | "character" | "block" | "whiteout" | "opaque";
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  /** Bytes; files only. */
  readonly size?: number;
  /** Target of a symlink, or path of a hard link's first name. */
  readonly target?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
  readonly source?: { readonly copy: string } | { readonly link: string } | { readonly bytes: Uint8Array };
}

export interface Snapshots {
  /** The committed layer, or undefined. */
  get(chain: ChainID): Promise<Layer | undefined>;
  /** As `get`, for whoever goes on to build on it: no collection takes it, or what is below it, while this process is at work. */
  use(chain: ChainID): Promise<Layer | undefined>;
  /** Overlay lower directories of a stack, topmost first. @throws {StoreError} `SNAPSHOT_UNKNOWN` */
  lowers(chain: ChainID | undefined): Promise<readonly string[]>;
  /**
   * Opens a new writable layer. An `ephemeral` one is swept when this process is gone; with `size` it takes no more bytes than that.
   * @throws {StoreError} `SNAPSHOT_EXISTS`, `SNAPSHOT_UNKNOWN`, `UNSUPPORTED` when it cannot be bounded
   */
  prepare(key: string, parent: ChainID | undefined, options?: { readonly ephemeral?: boolean; readonly size?: number }): Promise<ActiveSnapshot>;
  active(key: string): Promise<ActiveSnapshot | undefined>;
  /**
   * Makes the upper folder a committed layer (the upper moves; the key is gone). An upper without a change gives a layer of an empty tar.
   * `epoch` (seconds) clamps later mtimes, on disk too. `keep` leaves the active snapshot as it is and copies (container commit).
   * `omit` lists paths left out of the layer.
   * `upper` is where the upper folder is seen; a bounded one must be kept, and shown by whoever has mounted it.
   * `folders` are added to the copy as empty ones, root's, unless something of that path is in it.
   */
  commit(
    key: string,
    options?: {
      readonly epoch?: number;
      readonly keep?: boolean;
      readonly omit?: readonly string[];
      readonly folders?: readonly string[];
      readonly upper?: string;
    },
  ): Promise<Layer>;
  /** Writes a layer from `entries` (any order; parents must be entries or exist below) in one pass: read, write, hash. */
  write(parent: ChainID | undefined, entries: readonly LayerEntry[]): Promise<Layer>;
  /**
   * As `write` of what `base` (a wide layer written here) holds, but for a few paths: only those are written, the rest stays where it is.
   * Undefined when that cannot be done; nothing is written then.
   */
  amend(parent: ChainID | undefined, base: ChainID, changes: Amendment): Promise<Layer | undefined>;
  /** What a known layer changes, on another parent; no file is touched. Undefined when its folder depends on what is below it. Idempotent. */
  restack(parent: ChainID | undefined, layer: ChainID): Promise<Layer | undefined>;
  /** Unpacks a layer blob (media type tells the compression) on `parent`, verifying `diffID`. @throws {StoreError} `LAYER_INVALID`, `DIGEST_MISMATCH` */
  apply(parent: ChainID | undefined, blob: Descriptor, diffID: Digest, content?: AsyncIterable<Uint8Array>): Promise<Layer>;
  /**
   * The slow part of `apply`, which needs nothing of the layers below: layers of one image can be staged side by side.
   * With `content` the blob is stored and unpacked while it comes. @throws as `apply`
   */
  stage(blob: Descriptor, diffID: Digest, content?: AsyncIterable<Uint8Array>): Promise<StagedLayer>;
  /** The canonical tar, written again bit for bit from the folder. */
  tar(chain: ChainID): AsyncIterable<Uint8Array>;
  /**
   * Descriptor of the layer as a blob in the store, made now if it is not there. Deterministic, cached by diffID and level.
   * Without a level, any blob of that compression will do: the one that the layer came as, say.
   */
  blob(chain: ChainID, compression: Compression, level?: number): Promise<Descriptor>;
  /** As `blob` as gzip, but what has to be made first is given while it grows. */
  pack(chain: ChainID): Promise<Descriptor | GrowingBlob>;
  /** The blob that the layer was unpacked from; undefined for layers that were built here. */
  original(chain: ChainID): Promise<Descriptor | undefined>;
  /** The files of a stack, seen merged, without a mount. `above` are diff folders on top of it, topmost first, that may change meanwhile (a container's upper folder). */
  view(chain: ChainID | undefined, options?: { readonly above?: readonly string[] }): Promise<MergedView>;
  /** Entries of one layer's diff as they are on disk, sorted by path. */
  entries(chain: ChainID): Promise<readonly LayerEntry[]>;
  /** Removes an active snapshot; idempotent. */
  remove(key: string): Promise<void>;
}

/** A layer that is unpacked but stands on nothing yet. Dispose without commit removes it. */
export interface StagedLayer extends AsyncDisposable {
  commit(parent: ChainID | undefined): Promise<Layer>;
}

/** What is other than in the layer that is amended. */
export interface Amendment {
  /** Files with their bytes, folders and symlinks, that are new or take the place of one of the same type. */
  readonly entries: readonly LayerEntry[];
  /** Paths with all that is below them. */
  readonly removed: readonly string[];
}

export type Compression = "none" | "gzip" | "zstd";

/** How a layer is packed as a blob. */
export interface Packing {
  readonly compression: Compression;
  /** gzip 0 to 9, zstd 1 to 22. @default what suits most */
  readonly level?: number;
}

/** Read-only look at stacked layers; symlinks are resolved inside the root and never leave it. */
export interface MergedView {
  /** `follow` (default true) resolves the last component too; parents always are. Undefined when absent. */
  lookup(path: string, options?: { readonly follow?: boolean }): Promise<ViewEntry | undefined>;
  /** Names in a directory, sorted; empty when it is none. */
  list(path: string): Promise<readonly string[]>;
  /** File content, at most `limit` bytes. Undefined when absent or not a file. */
  read(path: string, limit?: number): Promise<Uint8Array | undefined>;
  /** A text file of any size, as long as no line of it has more than `limit` bytes. None when absent or not a file. */
  lines(path: string, limit: number): Iterable<string>;
}

export interface ViewEntry extends Omit<LayerEntry, "source"> {
  /** Where the bytes are on this machine: the path inside the layer folder that holds it. */
  readonly file: string;
}

export interface ImageRecord {
  /** Canonical name with domain and tag (`docker.io/library/hello:v1`), or undefined for an image that only its digest names. */
  readonly name: string | undefined;
  /** A manifest or an index. */
  readonly target: Descriptor;
  /** Milliseconds since the epoch: when it was built, pulled or loaded here. */
  readonly storedAt: number;
}

/** An image of one platform with its documents read. */
export interface Image {
  readonly name: string | undefined;
  /** The config's digest: the image id that docker shows. */
  readonly id: Digest;
  readonly target: Descriptor;
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly storedAt: number;
  /** ChainID of the whole stack (undefined for no layers). */
  readonly chain: ChainID | undefined;
}

export interface Images {
  /** By name, digest, or id and its unique prefixes of at least 3 hex digits. @throws {StoreError} `IMAGE_AMBIGUOUS` */
  find(reference: string): Promise<ImageRecord | undefined>;
  /** As `find`, documents read, for this machine's platform unless told. @throws {StoreError} `IMAGE_UNKNOWN`, `PLATFORM_UNKNOWN` */
  open(reference: string, platform?: Platform): Promise<Image>;
  read(target: Descriptor, platform?: Platform): Promise<Image>;
  list(): Promise<readonly ImageRecord[]>;
  /** Points a name at a target; the blobs must be there. Replaces. An image that is here already keeps its time. */
  tag(name: string, target: Descriptor): Promise<ImageRecord>;
  /** Remembers an image without giving it a name; idempotent. */
  keep(target: Descriptor): Promise<ImageRecord>;
  /** True when there was such a name. */
  untag(name: string): Promise<boolean>;
  /**
   * As `docker rmi`: a name goes; an id goes with all its names (more than one only with `force`). The content goes with the next collection.
   * @throws {StoreError} `IMAGE_UNKNOWN`, `IMAGE_AMBIGUOUS`, `IMAGE_IN_USE` when `force` is needed
   */
  remove(reference: string, options?: { readonly force?: boolean }): Promise<RemovedImage>;
  /** Every layer unpacked; idempotent. Returns the chain of the stack. */
  unpack(image: Image): Promise<ChainID | undefined>;
  /** Writes config and manifest blobs of a built image whose layers are committed snapshots; not yet tagged. */
  assemble(layers: readonly Layer[], config: ImageConfig): Promise<Descriptor>;
}

export interface RemovedImage {
  readonly id: Digest;
  /** Names that are gone. */
  readonly untagged: readonly string[];
  /** The image id, when nothing names it any more. */
  readonly deleted: Digest | undefined;
}

/** Holds content that no image names (yet): it is not collected before `release`. */
export interface Leases {
  /** Replaces what the lease held. An `ephemeral` one ends with this process. */
  hold(
    name: string,
    content: { readonly chains?: readonly ChainID[]; readonly digests?: readonly Digest[] },
    options?: { readonly ephemeral?: boolean },
  ): Promise<void>;
  /** True when there was such a lease. */
  release(name: string): Promise<boolean>;
  list(): readonly string[];
}

/** Looking after a root as a whole. */
export interface Care {
  /**
   * Removes what nothing holds. Held is what images, writable snapshots, leases and the records of other rooms lead to, and, unless `cache` is true, the build cache.
   * Content that a process at work now may have written is spared. Safe to interrupt.
   */
  collect(options?: CollectOptions): Promise<Collected>;
  /** `imagesInUse`: ids of images that containers were made of. */
  usage(imagesInUse?: ReadonlySet<Digest>): Promise<StoreUsage>;
  /** Reads everything and reports what is damaged or missing. */
  check(): AsyncIterable<Damage>;
}

export interface CollectOptions {
  /** The build cache holds nothing. */
  readonly cache?: boolean;
  /** What interrupted transfers left goes too, however young. */
  readonly partials?: boolean;
  readonly dryRun?: boolean;
  /** On a dry run: records that hold nothing, as if they were gone. `<table>/<key>` */
  readonly asIfGone?: (record: string) => boolean;
}

export interface Collected {
  readonly blobs: readonly Digest[];
  readonly layers: readonly ChainID[];
  /** Bytes on disk. */
  readonly bytes: number;
}

export interface UsageRow {
  readonly total: number;
  readonly active: number;
  /** Bytes. */
  readonly size: number;
  /** Bytes that `collect` (with the build cache, for that row) would give back. */
  readonly reclaimable: number;
}

export interface StoreUsage {
  readonly images: UsageRow;
  readonly cache: UsageRow;
  readonly blobs: UsageRow;
}

export interface Damage {
  /** A digest, name or key. */
  readonly what: string;
  readonly problem: string;
}
