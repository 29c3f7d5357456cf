/** Files on their way into a container or out of it, as the helper's `unpack` and `pack` have them. See runtime/native/unpack/entry.h. */
import type { Header } from "tar-stream";

const HEADER_BYTES = 40;
const LETTERS = { f: "file", d: "directory", l: "symlink", h: "link", p: "fifo", c: "character-device", b: "block-device" } as const;

export type CopyType = (typeof LETTERS)[keyof typeof LETTERS];

export interface CopyEntry {
  readonly type: CopyType;
  /** Below what is copied; empty for that itself. */
  readonly path: string;
  readonly target: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds. */
  readonly mtime: number;
  /** Bytes of content that follow. */
  readonly size: number;
  readonly major: number;
  readonly minor: number;
}

export function encodeEntry(entry: Omit<CopyEntry, "major" | "minor">): Buffer {
  const [path, target] = [Buffer.from(entry.path), Buffer.from(entry.target)];
  const letter = Object.entries(LETTERS).find(([, type]) => type === entry.type)?.[0] ?? "";
  const fixed = Buffer.alloc(HEADER_BYTES);
  fixed.write(letter, 0, "latin1");
  fixed.writeUInt32LE(entry.mode, 4);
  fixed.writeUInt32LE(entry.uid, 8);
  fixed.writeUInt32LE(entry.gid, 12);
  fixed.writeBigInt64LE(BigInt(entry.mtime), 16);
  fixed.writeBigUInt64LE(BigInt(entry.size), 24);
  fixed.writeUInt32LE(path.length, 32);
  fixed.writeUInt32LE(target.length, 36);
  return Buffer.concat([fixed, path, target]);
}

/** Entries of a stream; the content of each is to be taken whole before the next one is asked for. */
export class EntryReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Undefined at the end, also at one that comes early: the helper's exit status tells of that. */
  async next(): Promise<CopyEntry | undefined> {
    const fixed = await this.#take(HEADER_BYTES);
    if (fixed === undefined) return undefined;
    const path = await this.#take(fixed.readUInt32LE(32));
    const target = await this.#take(fixed.readUInt32LE(36));
    const type = LETTERS[String.fromCharCode(fixed[0] ?? 0) as keyof typeof LETTERS];
    if (path === undefined || target === undefined || type === undefined) return undefined;
    const isDevice = type === "character-device" || type === "block-device";
    return {
      type,
      path: path.toString(),
      target: target.toString(),
      mode: fixed.readUInt32LE(4),
      uid: fixed.readUInt32LE(8),
      gid: fixed.readUInt32LE(12),
      mtime: Number(fixed.readBigInt64LE(16)),
      size: isDevice ? 0 : Number(fixed.readBigUInt64LE(24)),
      major: isDevice ? fixed.readUInt32LE(28) : 0,
      minor: isDevice ? fixed.readUInt32LE(24) : 0,
    };
  }

  async *content(size: number): AsyncIterable<Buffer> {
    for (let left = size; left > 0;) {
      if (this.#rest.length === 0 && !(await this.#more())) return;
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async #take(size: number): Promise<Buffer | undefined> {
    while (this.#rest.length < size) if (!(await this.#more())) return undefined;
    const taken = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return taken;
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done === true) return false;
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    return true;
  }
}

export function tarHeader(entry: CopyEntry, name: string): Header {
  const { type, mode, uid, gid, size } = entry;
  return {
    name: type === "directory" ? `${name}/` : name,
    type,
    mode,
    uid,
    gid,
    size,
    mtime: new Date(entry.mtime * 1000),
    ...(type === "symlink" && { linkname: entry.target }),
    ...(type.endsWith("-device") && { devmajor: entry.major, devminor: entry.minor }),
  } as Header;
}
