/**
 * A foreign tar read synchronously: ustar, PAX and GNU long names; xattr values keep their bytes; sparse
 * files say which parts they have. Multi-volume members are refused.
 * Spec: POSIX.1-2024 pax; GNU tar manual, "Basic Tar Format".
 */
import { StoreError } from "../errors.ts";
import { decodeName } from "../file-names.ts";
import { BLOCK_BYTES, paddingOf, type TarType } from "./header.ts";
import type { TarMember } from "./member.ts";
import { checkSegments, MAX_MAP_BYTES, parseMap, parseNumber, segmentsOf } from "./sparse.ts";

const MAX_EXTENSION_BYTES = 1 << 20;
const SPARSE = "GNU.sparse.";
const TYPES: Readonly<Record<string, TarType>> = {
  "\0": "file",
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
  "7": "file",
};

type Extensions = ReadonlyMap<string, Buffer>;

export class TarReader {
  readonly #chunks: Iterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);
  /** Content of the present member that was not read, padding included. */
  #left = 0;
  #content = 0;
  #global: Extensions = new Map();

  constructor(chunks: Iterable<Buffer>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  /** The next member, or undefined at the end of the archive. @throws {StoreError} `LAYER_INVALID` */
  next(): TarMember | undefined {
    this.#skip(this.#left);
    let extensions = new Map<string, Buffer>(this.#global);
    for (;;) {
      const block = this.#take(BLOCK_BYTES);
      if (block === undefined || block.every((byte) => byte === 0)) return undefined;
      checkSum(block);
      const flag = String.fromCharCode(block[156]!);
      const size = readNumber(block, 124, 12);
      if (flag === "x") parsePax(this.#extension(size), extensions);
      else if (flag === "g") this.#global = new Map(parsePax(this.#extension(size), new Map(this.#global)));
      else if (flag === "L") extensions.set("path", trimZeros(this.#extension(size)));
      else if (flag === "K") extensions.set("linkpath", trimZeros(this.#extension(size)));
      else return this.#member(block, flag, extensions);
      if (flag === "g") extensions = new Map([...this.#global, ...extensions]);
    }
  }

  /** The present member's content in pieces that the next call overwrites; may be left half way. */
  *content(): Generator<Buffer> {
    while (this.#content > 0) {
      if (!this.#fill()) throw truncated();
      const piece = this.#chunk.subarray(0, this.#content);
      this.#consume(piece.length);
      yield piece;
    }
  }

  #member(block: Buffer, flag: string, extensions: Extensions): TarMember {
    const name = decodeName(extensions.get("GNU.sparse.name") ?? extensions.get("path") ?? shortName(block));
    const isSparse = flag === "S" || [...extensions.keys()].some((key) => key.startsWith(SPARSE));
    const type = flag === "S" ? "file" : TYPES[flag];
    if (type === undefined || (isSparse && type !== "file"))
      throw invalid(name, `its type ${JSON.stringify(flag)} (${isSparse ? "with a sparse map" : "multi-volume or unknown"}) is not supported`);
    const number = (key: string, at: number, length: number): number =>
      extensions.has(key) ? Number(extensions.get(key)!.toString("latin1")) : readNumber(block, at, length);
    const size = number("size", 124, 12);
    const mtime = number("mtime", 136, 12);
    const member: TarMember = {
      name,
      type: type === "file" && name.endsWith("/") && !isSparse ? "directory" : type,
      mode: readNumber(block, 100, 8) & 0o7777,
      uid: number("uid", 108, 8),
      gid: number("gid", 116, 8),
      ...splitTime(extensions.get("mtime")?.toString("latin1"), mtime),
      size: type === "file" ? size : 0,
      target: decodeName(extensions.get("linkpath") ?? field(block, 157, 100)),
      major: type === "character" || type === "block" ? readNumber(block, 329, 8) : 0,
      minor: type === "character" || type === "block" ? readNumber(block, 337, 8) : 0,
      xattrs: xattrsOf(extensions),
    };
    if (![size, mtime, member.uid, member.gid].every(Number.isFinite) || size < 0) throw invalid(name, "a number in its header is none");
    // Links of some writers announce the size of what they link to, with no content.
    const stored = type === "file" || type === "directory" ? size : 0;
    this.#content = type === "file" ? stored : 0;
    this.#left = stored + paddingOf(stored);
    return isSparse ? { ...member, ...this.#sparse(Buffer.from(block), flag, name, extensions) } : member;
  }

  /** What stands between header and content is read. */
  #sparse(block: Buffer, flag: string, name: string, extensions: Extensions): Pick<TarMember, "size" | "segments"> {
    const text = (key: string): string | undefined => extensions.get(SPARSE + key)?.toString("latin1");
    const [major, minor] = [text("major") ?? "0", text("minor") ?? (text("major") === undefined ? "0" : "?")];
    if (flag !== "S" && !["0.0", "0.1", "1.0"].includes(`${major}.${minor}`)) throw invalid(name, `its sparse map is of version ${major}.${minor}`);
    const size = flag === "S" ? readNumber(block, 483, 12) : parseNumber(text("realsize") ?? text("size") ?? "");
    const numbers = flag === "S" ? this.#mapInHeaders(block, name) : major === "1" ? this.#mapInContent(name) : parseMap(text("map") ?? "");
    const segments = segmentsOf(name, numbers);
    checkSegments(name, segments, size, this.#content);
    return { size, segments };
  }

  /** GNU's old form: a few parts in the header, the others in blocks of their own. */
  #mapInHeaders(block: Buffer, name: string): number[] {
    const numbers = mapNumbers(block, 386, 4);
    let isMore = block[482] !== 0;
    for (let bytes = 0; isMore; bytes += BLOCK_BYTES) {
      if (bytes >= MAX_MAP_BYTES) throw invalid(name, "its sparse map is too long");
      const next = this.#take(BLOCK_BYTES) ?? raise();
      numbers.push(...mapNumbers(next, 0, 21));
      isMore = next[504] !== 0;
    }
    return numbers;
  }

  /** PAX 1.0: lines at the beginning of the content, up to a whole block; the first says how many parts there are. */
  #mapInContent(name: string): number[] {
    const numbers: number[] = [];
    let text = "";
    for (let bytes = 0; numbers.length === 0 || numbers.length < 1 + 2 * numbers[0]!; bytes += BLOCK_BYTES) {
      if (bytes >= MAX_MAP_BYTES || this.#content < BLOCK_BYTES) throw invalid(name, "its sparse map does not end");
      text += (this.#take(BLOCK_BYTES) ?? raise()).toString("latin1");
      this.#left -= BLOCK_BYTES;
      this.#content -= BLOCK_BYTES;
      const lines = text.split("\n");
      text = lines.pop()!;
      numbers.push(...lines.map(parseNumber));
      if (!Number.isSafeInteger(numbers[0] ?? 0)) throw invalid(name, "its sparse map does not say how many parts it has");
    }
    return numbers.slice(1, 1 + 2 * numbers[0]!);
  }

  #extension(size: number): Buffer {
    if (!(size <= MAX_EXTENSION_BYTES)) throw new StoreError("LAYER_INVALID", `Cannot read tar: an extended header of ${size} bytes`);
    const bytes = Buffer.from(this.#take(size) ?? raise());
    this.#skip(paddingOf(size));
    return bytes;
  }

  #fill(): boolean {
    while (this.#chunk.length === 0) {
      const { done, value } = this.#chunks.next();
      if (done === true) return false;
      this.#chunk = value;
    }
    return true;
  }

  #consume(count: number): void {
    this.#chunk = this.#chunk.subarray(count);
    this.#left -= count;
    this.#content -= count;
  }

  #skip(count: number): void {
    for (let left = count; left > 0;) {
      if (!this.#fill()) throw truncated();
      const step = Math.min(left, this.#chunk.length);
      this.#chunk = this.#chunk.subarray(step);
      left -= step;
    }
    this.#left = 0;
    this.#content = 0;
  }

  /** `count` bytes, or undefined at a clean end. */
  #take(count: number): Buffer | undefined {
    if (!this.#fill()) return count === 0 ? Buffer.alloc(0) : undefined;
    if (this.#chunk.length >= count) {
      const taken = this.#chunk.subarray(0, count);
      this.#chunk = this.#chunk.subarray(count);
      return taken;
    }
    const parts: Buffer[] = [];
    for (let left = count; left > 0;) {
      if (!this.#fill()) throw truncated();
      const part = this.#chunk.subarray(0, left);
      parts.push(Buffer.from(part)); // the source may write over it
      this.#chunk = this.#chunk.subarray(part.length);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }
}

function invalid(name: string, reason: string): StoreError {
  return new StoreError("LAYER_INVALID", `Cannot read tar entry ${name}: ${reason}`);
}

function truncated(): StoreError {
  return new StoreError("LAYER_INVALID", "Cannot read tar: it ends in the middle of an entry");
}

function raise(): never {
  throw truncated();
}

/** @throws {StoreError} `LAYER_INVALID` */
function checkSum(block: Buffer): void {
  let sum = 8 * 32;
  let signed = 8 * 32;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    if (index >= 148 && index < 156) continue;
    sum += block[index]!;
    signed += (block[index]! << 24) >> 24; // as ancient writers counted
  }
  const stored = readNumber(block, 148, 8);
  if (stored !== sum && stored !== signed) throw new StoreError("LAYER_INVALID", "Cannot read tar: a header's checksum is wrong");
}

/** Offset and length of up to `count` parts. */
function mapNumbers(block: Buffer, from: number, count: number): number[] {
  const numbers: number[] = [];
  for (let at = from; at < from + 24 * count && block[at] !== 0; at += 24) numbers.push(readNumber(block, at, 12), readNumber(block, at + 12, 12));
  return numbers;
}

/** Octal text, or base-256 when the first bit is set. */
function readNumber(block: Buffer, at: number, length: number): number {
  if ((block[at]! & 0x80) === 0) {
    const digits = field(block, at, length).toString("latin1").trim();
    return digits === "" ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
  }
  let value = block[at] === 0xff ? -1n : BigInt(block[at]! & 0x7f);
  for (let index = at + 1; index < at + length; index++) value = value * 256n + BigInt(block[index]!);
  return Number(value);
}

function field(block: Buffer, at: number, length: number): Buffer {
  const end = block.indexOf(0, at);
  return block.subarray(at, end < 0 || end > at + length ? at + length : end);
}

function trimZeros(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** GNU's own magic has times where ustar has the prefix. */
function shortName(block: Buffer): Buffer {
  const name = field(block, 0, 100);
  const isUstar = block.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isUstar ? field(block, 345, 155) : Buffer.alloc(0);
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from("/"), name]);
}

/** @throws {StoreError} `LAYER_INVALID` */
function parsePax(bytes: Buffer, into: Map<string, Buffer>): Map<string, Buffer> {
  const map: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at);
    const length = Number(bytes.toString("latin1", at, Math.max(at, space)));
    const equals = bytes.indexOf(61, space);
    if (space < 0 || !Number.isInteger(length) || length < 5 || at + length > bytes.length || equals < 0 || equals >= at + length) {
      throw new StoreError("LAYER_INVALID", "Cannot read tar: a PAX record is malformed");
    }
    const key = bytes.toString("utf8", space + 1, equals);
    const value = bytes.subarray(equals + 1, at + length - 1);
    // An empty value takes back what a global header said; xattrs may be empty.
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") map.push(value.toString("latin1")); // the only keys that come again and again
    else if (value.length === 0 && !key.startsWith("SCHILY.xattr.")) into.delete(key);
    else into.set(key, value);
    at += length;
  }
  if (map.length > 0) into.set(`${SPARSE}map`, Buffer.from(map.join(",")));
  return into;
}

/** PAX writes decimals: the fraction is taken from the text, which a double would round. */
function splitTime(pax: string | undefined, seconds: number): { readonly mtime: number; readonly mtimeNsec: number } {
  const fraction = pax === undefined ? undefined : /^-?\d+\.(\d+)$/.exec(pax)?.[1];
  const nsec = fraction === undefined ? 0 : Number(fraction.padEnd(9, "0").slice(0, 9));
  const mtime = Math.floor(seconds);
  return { mtime, mtimeNsec: seconds < 0 && nsec > 0 ? 1_000_000_000 - nsec : nsec };
}

function xattrsOf(extensions: Extensions): Record<string, Uint8Array> {
  const prefix = "SCHILY.xattr.";
  return Object.fromEntries([...extensions].flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [])));
}
