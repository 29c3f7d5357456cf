/** Whether two files of layers are the same: metadata first, then, where only the bytes can tell, the bytes. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { isSameXattrs } from "../../store/layer/changes.ts";
import type { LayerEntry } from "../../store/store.ts";

export interface LocatedEntry {
  readonly entry: Omit<LayerEntry, "source">;
  /** Where it is on this machine. */
  readonly file: string;
}

const CHUNK_BYTES = 1 << 20;

/** Times count only for files: a folder's changes with what is in it. */
export function isSameEntry(a: LocatedEntry, b: LocatedEntry): boolean {
  if (a.file === b.file) return true;
  const [x, y] = [a.entry, b.entry];
  if (x.type !== y.type || x.mode !== y.mode || x.uid !== y.uid || x.gid !== y.gid || !isSameXattrs(x.xattrs, y.xattrs)) return false;
  if (x.size !== y.size || x.target !== y.target || x.major !== y.major || x.minor !== y.minor) return false;
  if (x.type !== "directory" && x.type !== "whiteout" && x.mtime !== y.mtime) return false;
  return x.type !== "file" || isSameContent(a.file, b.file);
}

/** Files of builds share one time, so that equal metadata says little. Links to one file are not read. */
function isSameContent(a: string, b: string): boolean {
  const [one, other] = [openSync(a, "r"), openSync(b, "r")];
  try {
    const [x, y] = [fstatSync(one, { bigint: true }), fstatSync(other, { bigint: true })];
    if (x.ino === y.ino && x.dev === y.dev) return true;
    const [left, right] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
    for (;;) {
      const [m, n] = [readSync(one, left), readSync(other, right)];
      if (m !== n || left.compare(right, 0, n, 0, m) !== 0) return false;
      if (m === 0) return true;
    }
  } finally {
    closeSync(one);
    closeSync(other);
  }
}
