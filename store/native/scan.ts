/** A whole tree's metadata in one quick walk: sorted bytewise by path, one file system, links never followed. */
import { decodeName } from "../file-names.ts";
import { runTreeTool } from "./tree-tool.ts";

export type FileType = "file" | "directory" | "symlink" | "fifo" | "character" | "block" | "socket";

export interface ScannedFile {
  /** Relative to the folder, without leading slash. */
  readonly path: string;
  readonly type: FileType;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Seconds, rounded down, and the nanoseconds beyond. */
  readonly mtime: number;
  readonly mtimeNsec: number;
  readonly ctime: number;
  readonly ctimeNsec: number;
  readonly dev: number;
  readonly ino: number;
  readonly nlink: number;
  readonly major: number;
  readonly minor: number;
  /** Of a symlink. */
  readonly target?: string;
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
  /** The time on disk was later than `epoch` and has been set back to it. */
  readonly clamped: boolean;
}

export interface ScanOptions {
  /** Seconds: later mtimes are set back to it, on disk. */
  readonly epoch?: number;
}

/** @throws {StoreError} `NATIVE_FAILED` */
export async function scanFolder(treeTool: string, folder: string, options: ScanOptions = {}): Promise<ScannedFile[]> {
  return decodeScan(await runTreeTool(treeTool, args(folder, options)));
}

/**
 * The walk as the tree tool tells it, of xattrs only the capabilities of programs: same bytes, same tree as far as stat data can say. For `decodeScan`.
 * @throws {StoreError} `NATIVE_FAILED`
 */
export async function scanBytes(treeTool: string, folder: string): Promise<Buffer> {
  return await runTreeTool(treeTool, ["scan", folder, "--plain"]);
}

function args(folder: string, options: ScanOptions): string[] {
  return options.epoch === undefined ? ["scan", folder] : ["scan", folder, "--epoch", String(options.epoch)];
}

const TYPES: Readonly<Record<string, FileType>> = { f: "file", d: "directory", l: "symlink", p: "fifo", c: "character", b: "block", s: "socket" };

/** Bytes of the fixed part: `struct record` in store/native/tree/scan.c. */
const HEADER_BYTES = 88;
const REGULAR = "f".charCodeAt(0);

export function decodeScan(bytes: Buffer): ScannedFile[] {
  const files: ScannedFile[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at)) files.push(decodeRecord(bytes, at));
  return files;
}

/** Milliseconds: when the file of the record at `at` last changed. */
export function lastChangeAt(bytes: Buffer, at: number): number {
  return readLong(bytes, at + 56) * 1000 + bytes.readUInt32LE(at + 52) / 1e6;
}

/** The latest of all files. */
export function lastChange(bytes: Buffer): number {
  let last = 0;
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at)) last = Math.max(last, bytes[at + 4] === REGULAR ? lastChangeAt(bytes, at) : 0);
  return last;
}

/** Where the path of the record at `at` stands. */
export function pathAt(bytes: Buffer, at: number): { readonly start: number; readonly end: number } {
  return { start: at + HEADER_BYTES, end: at + HEADER_BYTES + bytes.readUInt32LE(at + 80) };
}

function decodeRecord(bytes: Buffer, at: number): ScannedFile {
  const pathEnd = at + HEADER_BYTES + bytes.readUInt32LE(at + 80);
  const targetEnd = pathEnd + bytes.readUInt32LE(at + 84);
  const xattrs = bytes.readUInt16LE(at + 6);
  return {
    path: decodeName(bytes.subarray(at + HEADER_BYTES, pathEnd)),
    type: TYPES[String.fromCharCode(bytes[at + 4]!)]!,
    clamped: bytes[at + 5] === 1,
    mode: bytes.readUInt32LE(at + 8),
    uid: bytes.readUInt32LE(at + 12),
    gid: bytes.readUInt32LE(at + 16),
    nlink: bytes.readUInt32LE(at + 20),
    major: bytes.readUInt32LE(at + 24),
    minor: bytes.readUInt32LE(at + 28),
    size: readLong(bytes, at + 32),
    mtime: readLong(bytes, at + 40),
    mtimeNsec: bytes.readUInt32LE(at + 48),
    ctimeNsec: bytes.readUInt32LE(at + 52),
    ctime: readLong(bytes, at + 56),
    dev: readLong(bytes, at + 64),
    ino: readLong(bytes, at + 72),
    ...(targetEnd > pathEnd ? { target: decodeName(bytes.subarray(pathEnd, targetEnd)) } : {}),
    ...(xattrs > 0 ? { xattrs: decodeXattrs(bytes, targetEnd, xattrs) } : {}),
  };
}

/** Exact up to 2^53, which sizes and times never pass. */
function readLong(bytes: Buffer, at: number): number {
  return bytes.readInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
}

function decodeXattrs(bytes: Buffer, start: number, count: number): Record<string, Uint8Array> {
  const xattrs: Record<string, Uint8Array> = {};
  for (let at = start, left = count; left > 0; left--) {
    const value = at + 8 + bytes.readUInt32LE(at);
    const end = value + bytes.readUInt32LE(at + 4);
    xattrs[bytes.toString("utf8", at + 8, value)] = new Uint8Array(bytes.subarray(value, end));
    at = end;
  }
  return xattrs;
}
