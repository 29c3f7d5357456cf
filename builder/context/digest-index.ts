/**
 * Digests of files whose stat data says that they are as they were: an unchanged file is not read again.
 * One columnar file a context. A file that changed just before it was hashed is not trusted: its time could hide a second change.
 */
import * as fs from "node:fs";
import { decodeName, encodeName } from "../../store/file-names.ts";
import { keepHint } from "../keep-hint.ts";
import type { SourceEntry, Stamp } from "./tree.ts";
import { NATIVE_FROM_FILES, RACY_MS } from "./walk.ts";

const MAGIC = 0x32494353;
const HEADER_BYTES = 16;
const DIGEST_BYTES = 32;
/** Four numbers, a digest, and a path. */
const MIN_RECORD_BYTES = 32 + DIGEST_BYTES + 32;

interface Known extends Stamp {
  readonly size: number;
  readonly digest: string;
}

interface Loaded {
  readonly known: Map<string, Known>;
  /** In base64, by file. */
  readonly capabilities: Readonly<Record<string, string>>;
}

function empty(): Loaded {
  return { known: new Map(), capabilities: {} };
}

const CAPABILITY = "security.capability";

export class DigestIndex {
  readonly #path: string | undefined;
  #known: Map<string, Known> | undefined;
  /** By file: the few that have one. */
  #capabilities = new Map<string, Buffer>();
  readonly #seen = new Set<string>();
  #isDirty = false;

  /** Without a path nothing is remembered. */
  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** It holds so many files that the native walk will be the quicker one. */
  get isWide(): boolean {
    const bytes = this.#path === undefined ? 0 : (fs.statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0);
    return bytes > NATIVE_FROM_FILES * MIN_RECORD_BYTES;
  }

  /** Hex sha256 of each; "" for what is no file, and for a file that is gone. */
  async of(entries: readonly SourceEntry[]): Promise<readonly string[]> {
    const known = this.#load();
    const unknown: SourceEntry[] = [];
    for (const entry of entries) if (entry.type === "file" && !this.#matches(known, entry)) unknown.push(entry);
    if (unknown.length > 0) {
      const now = Date.now();
      const { hashFiles } = await import("./hash-files.ts"); // worker threads are not needed while nothing changed
      const digests = await hashFiles(unknown);
      unknown.forEach((entry, index) => this.#learn(known, entry, digests[index] ?? "", now));
    }
    return entries.map((entry) => (entry.type === "file" ? (known.get(entry.file)?.digest ?? "") : ""));
  }

  /** It is as it was when its digest was learned, and its capability. */
  knows(entry: SourceEntry): boolean {
    return this.#matches(this.#load(), entry);
  }

  /** `values` in the order of the files; empty for none. */
  noteCapabilities(files: readonly string[], values: readonly Buffer[]): void {
    this.#load();
    for (const [at, file] of files.entries()) {
      const value = values[at];
      if (value === undefined || value.length === 0) this.#capabilities.delete(file);
      else this.#capabilities.set(file, value);
    }
  }

  withCapabilities(entries: readonly SourceEntry[]): readonly SourceEntry[] {
    if (this.#capabilities.size === 0) return entries;
    return entries.map((entry) => {
      const value = entry.type === "file" ? this.#capabilities.get(entry.file) : undefined;
      return value === undefined ? entry : { ...entry, xattrs: { [CAPABILITY]: new Uint8Array(value) } };
    });
  }

  #load(): Map<string, Known> {
    if (this.#known !== undefined) return this.#known;
    const loaded = this.#path === undefined ? empty() : load(this.#path);
    this.#capabilities = new Map(Object.entries(loaded.capabilities).map(([file, value]) => [file, Buffer.from(value, "base64")]));
    return (this.#known = loaded.known);
  }

  /** Writes what was learned; a failure costs only time in the next build. */
  save(): void {
    if (!this.#isDirty || this.#path === undefined || this.#known === undefined) return;
    const keep = this.#known.size > 2 * this.#seen.size + 1000 ? [...this.#known].filter(([file]) => this.#seen.has(file)) : [...this.#known];
    const capabilities = Object.fromEntries([...this.#capabilities].map(([file, value]) => [file, value.toString("base64")]));
    keepHint(this.#path, encode(keep, capabilities));
    this.#isDirty = false;
  }

  #matches(known: ReadonlyMap<string, Known>, { file, stamp, size }: SourceEntry): boolean {
    this.#seen.add(file);
    const record = known.get(file);
    return (
      record !== undefined &&
      stamp !== undefined &&
      record.ino === stamp.ino &&
      record.size === size &&
      record.mtimeMs === stamp.mtimeMs &&
      record.ctimeMs === stamp.ctimeMs
    );
  }

  #learn(known: Map<string, Known>, { file, stamp, size }: SourceEntry, digest: string, now: number): void {
    if (digest === "") {
      known.delete(file);
      return;
    }
    const isRacy = stamp === undefined || stamp.ctimeMs > now - RACY_MS;
    known.set(file, { ino: stamp?.ino ?? 0, mtimeMs: stamp?.mtimeMs ?? 0, ctimeMs: isRacy ? Number.NaN : stamp.ctimeMs, size, digest });
    this.#isDirty = true;
  }
}

/** Four columns of doubles, then digests, then the paths, then the capabilities. */
function encode(entries: readonly (readonly [string, Known])[], capabilities: Loaded["capabilities"]): Buffer {
  const count = entries.length;
  const paths = encodeName(entries.map(([file]) => file).join("\0"));
  const numbers = new Float64Array(4 * count);
  const digests = Buffer.alloc(DIGEST_BYTES * count);
  entries.forEach(([, { ino, size, mtimeMs, ctimeMs, digest }], index) => {
    [ino, size, mtimeMs, ctimeMs].forEach((value, column) => (numbers[column * count + index] = value));
    digests.write(digest, DIGEST_BYTES * index, "hex");
  });
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(count, 4);
  header.writeUInt32LE(paths.length, 8);
  const last = encodeName(JSON.stringify(capabilities));
  header.writeUInt32LE(last.length, 12);
  return Buffer.concat([header, Buffer.from(numbers.buffer), digests, paths, last]);
}

/** Empty for a file that is not there or not ours. */
function load(path: string): Loaded {
  const known = new Map<string, Known>();
  let bytes: Buffer;
  try {
    bytes = fs.readFileSync(path);
  } catch {
    return empty();
  }
  const count = bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC ? 0 : bytes.readUInt32LE(4);
  const digestsAt = HEADER_BYTES + 32 * count;
  const pathsAt = digestsAt + DIGEST_BYTES * count;
  const end = count === 0 ? 0 : pathsAt + bytes.readUInt32LE(8);
  if (count === 0 || bytes.length !== end + bytes.readUInt32LE(12)) return empty();
  const numbers = new Float64Array(bytes.buffer.slice(bytes.byteOffset + HEADER_BYTES, bytes.byteOffset + digestsAt));
  const digests = bytes.toString("hex", digestsAt, pathsAt);
  decodeName(bytes.subarray(pathsAt, end))
    .split("\0")
    .forEach((file, index) => {
      const column = (number: number): number => numbers[number * count + index] ?? Number.NaN;
      const digest = digests.slice(2 * DIGEST_BYTES * index, 2 * DIGEST_BYTES * (index + 1));
      known.set(file, { ino: column(0), size: column(1), mtimeMs: column(2), ctimeMs: column(3), digest });
    });
  const capabilities = parseCapabilities(decodeName(bytes.subarray(end)));
  return capabilities === undefined ? empty() : { known, capabilities };
}

/** Undefined when it is damaged. */
function parseCapabilities(text: string): Loaded["capabilities"] | undefined {
  try {
    return JSON.parse(text) as Loaded["capabilities"];
  } catch {
    return undefined;
  }
}
