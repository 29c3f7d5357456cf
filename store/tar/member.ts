/** One entry of a tar as it was read, and the parts of a sparse one. */
import type { TarType } from "./header.ts";

export interface Segment {
  readonly offset: number;
  readonly length: number;
}

export interface TarMember {
  readonly name: string;
  readonly type: TarType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds, rounded down, and the nanoseconds beyond. */
  readonly mtime: number;
  readonly mtimeNsec: number;
  /** Of the file, holes included. */
  readonly size: number;
  /** Of a sparse file: the parts that `content` gives, one after the other. See `writeContent`. */
  readonly segments?: readonly Segment[];
  readonly target: string;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: Readonly<Record<string, Uint8Array>>;
}
