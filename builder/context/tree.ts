/** Where COPY takes files from: the build context, a stage or an image. All three give the same plain entries. */
import type { ScannedFile } from "../../store/native/scan.ts";

export interface SourceEntry {
  /** Relative to the source; "" is the source itself. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "fifo" | "character" | "block";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds. */
  readonly mtime: number;
  readonly size: number;
  readonly target?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
  /** Where the bytes are on this machine; "" when they are `bytes`. */
  readonly file: string;
  readonly bytes?: Uint8Array;
  /** `file` is this build's own and is never written again: a link to it is as good as a copy. */
  readonly isOwn?: boolean;
  /** Same for all names of one file; only when it has several. */
  readonly inode?: string;
  /** What tells that the content is as it was: see DigestIndex. */
  readonly stamp?: Stamp;
}

export interface Stamp {
  readonly ino: number;
  /** Milliseconds with fractions, as in fs.Stats. */
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** One thing that a pattern matched. */
export interface Source {
  /** Its path in the tree, no leading slash; "" is the whole tree. */
  readonly path: string;
  /** Itself first, then all that is in it, sorted. */
  readonly entries: readonly SourceEntry[];
  /** With `parents`: the folders on the way, outermost first, their paths counted from the tree. */
  readonly above?: readonly SourceEntry[];
}

export interface SelectOptions {
  /** Ignore-like patterns, relative to each source. */
  readonly exclude: readonly string[];
  /** Keep the folders on the way; `**` is any number of folders then. */
  readonly parents?: boolean;
}

export interface Fingerprint {
  readonly text: string;
  /** False when some file changed so lately that a second change could hide behind the first: not to be remembered then. */
  readonly isSettled: () => boolean;
}

/** A wide folder as the tree tool saw it: see store/native/scan.ts. */
export interface WideWalk {
  /** Real path. */
  readonly folder: string;
  /** Permission bits of the folder. */
  readonly mode: number;
  readonly bytes: Buffer;
  /** Milliseconds. */
  readonly startedAt: number;
  /** One record of the walk as an entry. */
  readonly entryOf: (file: ScannedFile) => SourceEntry | undefined;
}

export interface SourceTree {
  /**
   * Literal paths must exist; a pattern with wildcards may match nothing.
   * @throws {BuilderError} `SOURCE_UNKNOWN`
   */
  select(pattern: string, options: SelectOptions): Promise<readonly Source[]>;
  /**
   * Changes whenever what `pattern` selects may have changed, told by stat data alone; undefined when it cannot be told so cheaply.
   */
  fingerprint?(pattern: string, options: SelectOptions): Promise<Fingerprint | undefined>;
  /** It may have wide folders. */
  readonly isWide?: boolean;
  /** The walk of a literal path that is a wide folder, if it is one. */
  wide?(pattern: string): Promise<WideWalk | undefined>;
  /** Hex sha256 of each file's content, in the order of `entries`; "" for what is no file, and for a file that is gone by now. */
  digests(entries: readonly SourceEntry[]): Promise<readonly string[]>;
}
