/** What the tree tool is asked to make, as bytes: `struct wish` in store/native/tree/tar.h. They go out in pieces, so that it begins while others are written. */
import { writeName } from "../file-names.ts";
import type { LayerEntry } from "../store.ts";
import { BLOCK_BYTES, encodeHeader, fitsBlock } from "../tar/header.ts";
import { headerOf } from "./canonical.ts";

/**
 * As in write.c: folder, copy, link, content that follows, read only, folder that is there, hard link, symlink, final mode and time of a folder,
 * nothing but a header.
 */
export type WishType = "d" | "f" | "l" | "b" | "r" | "D" | "h" | "s" | "t" | "n";

export interface WishOptions {
  /** Bytes of the content. */
  readonly size?: number;
  /** Path of the file to copy or link, or a link's target. */
  readonly source?: string;
}

const WISH_BYTES = 44;
const PIECE_BYTES = 1 << 17;
/** What to ask for when the entry is there already. */
const READING: Readonly<Partial<Record<WishType, WishType>>> = { d: "D", f: "r", l: "r", b: "r", n: "n" };
/** Headers that the tree tool makes itself, unless they need more than a block. */
const PLAIN: ReadonlySet<WishType> = new Set(["d", "f", "l", "b", "r"]);
const WITHOUT_HEADER: ReadonlySet<WishType> = new Set(["h", "s", "t"]);
const NO_PIECES: readonly Buffer[] = [];
const NO_OPTIONS: WishOptions = {};

export class Wishes {
  #buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #used = 0;
  readonly #list: List | undefined;

  /** `listed`: the same entries to be read later are gathered too. */
  constructor(options: { readonly listed?: boolean } = {}) {
    this.#list = options.listed === true ? new List() : undefined;
  }

  /** Wishes to read what these made. */
  list(): Buffer {
    return this.#list?.bytes() ?? Buffer.alloc(0);
  }

  /** Pieces that became full. */
  add(type: WishType, entry: LayerEntry, { size = 0, source = "" }: WishOptions = NO_OPTIONS): readonly Buffer[] {
    const header = WITHOUT_HEADER.has(type) ? undefined : headerOf(entry, size);
    return this.#put(type, entry, size, source, header === undefined || (PLAIN.has(type) && fitsBlock(header)) ? undefined : encodeHeader(header));
  }

  archiveEnd(): readonly Buffer[] {
    return this.#put("n", { path: "", mode: 0, uid: 0, gid: 0, mtime: 0 }, 0, "", Buffer.alloc(2 * BLOCK_BYTES));
  }

  /** What is not out yet. */
  rest(): Buffer {
    const rest = this.#buffer.subarray(0, this.#used);
    this.#buffer = this.#buffer.subarray(this.#used);
    this.#used = 0;
    return rest;
  }

  #put(type: WishType, entry: Omit<LayerEntry, "type">, size: number, source: string, header: Buffer | undefined): readonly Buffer[] {
    const { path, mode, uid, gid, mtime } = entry;
    const pieces = this.#makeRoom(WISH_BYTES + (header?.length ?? 0) + 3 * (path.length + source.length));
    const buffer = this.#buffer;
    const at = this.#used;
    const pathAt = at + WISH_BYTES + (header?.copy(buffer, at + WISH_BYTES) ?? 0);
    const pathBytes = writeName(buffer, path, pathAt);
    const sourceBytes = source === "" ? 0 : writeName(buffer, source, pathAt + pathBytes);
    buffer.writeUInt32LE(type.charCodeAt(0), at);
    buffer.writeUInt32LE(mode, at + 4);
    buffer.writeUInt32LE(uid, at + 8);
    buffer.writeUInt32LE(gid, at + 12);
    writeLong(buffer, Math.floor(mtime), at + 16);
    writeLong(buffer, size, at + 24);
    buffer.writeUInt32LE(header?.length ?? 0, at + 32);
    buffer.writeUInt32LE(pathBytes, at + 36);
    buffer.writeUInt32LE(sourceBytes, at + 40);
    this.#used = pathAt + pathBytes + sourceBytes;
    const reading = this.#list === undefined ? undefined : READING[type];
    if (reading !== undefined) this.#list!.add(reading, buffer, at, pathAt + pathBytes);
    return pieces;
  }

  #makeRoom(bytes: number): readonly Buffer[] {
    if (this.#used + bytes <= this.#buffer.length) return NO_PIECES;
    const pieces = [this.rest()];
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, bytes));
    return pieces;
  }
}

/** Exact up to 2^53. */
function writeLong(buffer: Buffer, value: number, at: number): void {
  buffer.writeUInt32LE(value >>> 0, at);
  buffer.writeInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

/** One record after the other, in memory. */
class List {
  #buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #used = 0;

  /** A wish without its source. */
  add(type: WishType, from: Buffer, start: number, end: number): void {
    const at = this.#used;
    if (at + end - start > this.#buffer.length) this.#grow(at + end - start);
    from.copy(this.#buffer, at, start, end);
    this.#buffer[at] = type.charCodeAt(0);
    this.#buffer.writeUInt32LE(0, at + 40);
    this.#used = at + end - start;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#used);
  }

  #grow(bytes: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, bytes));
    this.#buffer.copy(grown, 0, 0, this.#used);
    this.#buffer = grown;
  }
}

/** Where things are in a buffer of wishes. */
export interface Wish {
  readonly type: string;
  readonly pathStart: number;
  readonly pathEnd: number;
  readonly end: number;
}

export function wishAt(bytes: Buffer, at: number): Wish {
  const pathStart = at + WISH_BYTES + bytes.readUInt32LE(at + 32);
  const pathEnd = pathStart + bytes.readUInt32LE(at + 36);
  return { type: String.fromCharCode(bytes[at]!), pathStart, pathEnd, end: pathEnd + bytes.readUInt32LE(at + 40) };
}

/** Bytes that go into the tar as they are. */
export function headerWish(header: Buffer): Buffer {
  const wish = Buffer.alloc(WISH_BYTES);
  wish[0] = "n".charCodeAt(0);
  wish.writeUInt32LE(header.length, 32);
  return Buffer.concat([wish, header]);
}
