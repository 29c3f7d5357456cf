/** Few files, whole, with their digests: what was read is what is written, whatever happens to them meanwhile. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { filePath } from "../../store/file-names.ts";
import type { SourceEntry } from "../context/tree.ts";

/** Bytes of all together. */
const MAX_BYTES = 16 << 20;

export interface ReadFile {
  readonly bytes: Uint8Array;
  /** Hex. */
  readonly digest: string;
}

/** Undefined for what is no file; undefined altogether when they are too big or one is not as it was when it was looked at. */
export function readFiles(entries: readonly (SourceEntry | undefined)[]): readonly (ReadFile | undefined)[] | undefined {
  const files = entries.map((entry) => (entry?.type === "file" ? entry : undefined));
  if (files.reduce((sum, file) => sum + (file?.size ?? 0), 0) > MAX_BYTES) return undefined;
  const read: (ReadFile | undefined)[] = [];
  for (const file of files) {
    const bytes = file === undefined ? undefined : readAsSeen(file);
    if (file !== undefined && bytes === undefined) return undefined;
    read.push(bytes === undefined ? undefined : { bytes, digest: createHash("sha256").update(bytes).digest("hex") });
  }
  return read;
}

function readAsSeen({ file, size, stamp }: SourceEntry): Uint8Array | undefined {
  let fd: number;
  try {
    fd = fs.openSync(filePath(file), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const bytes = fs.readFileSync(fd);
    const stat = fs.fstatSync(fd);
    const isSame = stat.ino === stamp?.ino && stat.mtimeMs === stamp.mtimeMs && stat.ctimeMs === stamp.ctimeMs;
    return isSame && bytes.length === size ? bytes : undefined;
  } finally {
    fs.closeSync(fd);
  }
}
