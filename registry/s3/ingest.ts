/** One upload while a request works on it. Dispose writes what is in memory; commit makes the blob on the service, of verified content only. */
import { createHash, type Hash } from "node:crypto";
import { finish, type Algorithm, type Digest } from "../../store/digest.ts";
import { algorithmFor, checkExpected } from "../../store/blob/writer.ts";
import type { Expected, Ingest, Stored } from "../../store/content.ts";
import { RegistryError } from "../errors.ts";
import type { Bucket } from "./bucket.ts";
import { CHUNK_BYTES, chunkKey, endOf, MAX_CHUNKS, type Chunk } from "./chunks.ts";
import { blobKey, uploadPrefix } from "./keys.ts";
import { GrowingBuffer } from "./growing-buffer.ts";
import { readObject } from "./read-object.ts";
import { removeUpload } from "./uploads.ts";

/** sha256 of what this process has seen of an upload: of these chunks, and of what follows them up to `offset`. */
export interface Running {
  readonly hash: Hash;
  offset: number;
  chunks: readonly string[];
}

export interface BucketIngestOptions {
  readonly bucket: Bucket;
  readonly id: string;
  /** What is in the bucket. */
  readonly chunks: readonly Chunk[];
  /** Undefined when this process has not seen all of it. */
  readonly running: Running | undefined;
  /** Kept for the next request on it. */
  readonly remember: (state: Running | undefined) => void;
}

export class BucketIngest implements Ingest {
  readonly id: string;
  readonly #bucket: Bucket;
  readonly #remember: BucketIngestOptions["remember"];
  #chunks: readonly Chunk[];
  #running: Running | undefined;
  /** What follows the chunks. */
  #pending = new GrowingBuffer(CHUNK_BYTES);
  /** A chunk that is read into memory to be made longer; it stays until the longer one is written. */
  #shorter: Chunk | undefined;
  #flight: Promise<void> | undefined;
  #inFlight = 0;
  #isEnded = false;

  constructor({ bucket, id, chunks, running, remember }: BucketIngestOptions) {
    this.#bucket = bucket;
    this.id = id;
    this.#chunks = chunks;
    this.#running = running;
    this.#remember = remember;
  }

  get offset(): number {
    return endOf(this.#chunks) + this.#inFlight + this.#pending.length;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return;
    await this.#takeLast();
    if (this.#running?.offset === this.offset) {
      this.#running.hash.update(chunk);
      this.#running.offset += chunk.length;
    }
    for (let at = 0; at < chunk.length;) {
      at += this.#pending.append(chunk.subarray(at));
      if (this.#pending.length === CHUNK_BYTES) await this.#seal();
    }
  }

  /** @throws {StoreError} `DIGEST_MISMATCH`, `SIZE_MISMATCH`; {RegistryError} `STORAGE_FAILED` */
  async commit(expected: Expected, keep?: (stored: Stored) => Promise<void>): Promise<Stored> {
    const algorithm = algorithmFor(expected);
    await this.#flight;
    const isSmall = this.#chunks.length === 0; // all of it is in memory
    if (!isSmall) await this.#flush();
    const stored = { digest: finish(await this.#hash(algorithm), algorithm), size: this.offset };
    checkExpected(stored, expected);
    if (isSmall) await this.#bucket.put(blobKey(stored.digest), this.#pending.bytes());
    else await this.#join(stored.digest, stored.size);
    await keep?.(stored);
    await this.abort();
    return stored;
  }

  async abort(): Promise<void> {
    this.#isEnded = true;
    await this.#flight?.catch(() => undefined); // what it wrote goes too
    this.#remember(undefined);
    const objects = [];
    for await (const object of this.#bucket.list(uploadPrefix(this.id))) objects.push(object);
    await removeUpload(this.#bucket, objects);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    await this.#flush();
    if (this.#running !== undefined) this.#running.chunks = this.#chunks.map(({ key }) => key);
    this.#remember(this.#running);
  }

  /** A last chunk that is not full is gone on with: only the last one of a blob may be short. */
  async #takeLast(): Promise<void> {
    const last = this.#chunks.at(-1);
    if (last === undefined || last.size >= CHUNK_BYTES || this.#flight !== undefined) return;
    const bytes = await this.#bucket.read(last.key);
    if (bytes?.length !== last.size) throw new RegistryError("BLOB_UPLOAD_UNKNOWN", `Cannot continue upload ${this.id}: it ended meanwhile`);
    this.#chunks = this.#chunks.slice(0, -1);
    this.#shorter = last;
    this.#pending.append(bytes);
  }

  /** Sends the full chunk while the next one fills. */
  async #seal(): Promise<void> {
    await this.#flight;
    if (this.#chunks.length >= MAX_CHUNKS) throw new RegistryError("SIZE_INVALID", `Cannot store more than ${MAX_CHUNKS * CHUNK_BYTES} bytes as one blob`);
    const bytes = this.#pending.bytes();
    this.#pending = new GrowingBuffer(CHUNK_BYTES);
    const flight = this.#send(bytes);
    flight.catch(() => undefined); // awaited before the next one, or at the end
    this.#flight = flight;
  }

  async #send(bytes: Buffer): Promise<void> {
    const start = endOf(this.#chunks);
    const key = chunkKey(this.id, start);
    const shorter = this.#shorter;
    this.#shorter = undefined;
    this.#inFlight = bytes.length;
    await this.#bucket.put(key, bytes);
    this.#chunks = [...this.#chunks, { key, start, size: bytes.length }];
    this.#inFlight = 0;
    this.#flight = undefined;
    if (shorter !== undefined) await this.#bucket.remove(shorter.key);
  }

  async #flush(): Promise<void> {
    await this.#flight;
    if (this.#pending.length === 0) return;
    const bytes = this.#pending.bytes();
    this.#pending = new GrowingBuffer(CHUNK_BYTES);
    await this.#send(bytes);
  }

  async #hash(algorithm: Algorithm): Promise<Hash> {
    if (algorithm === "sha256" && this.#running?.offset === this.offset) return this.#running.hash.copy();
    const hash = createHash(algorithm);
    for (const { key } of this.#chunks) for await (const bytes of readObject(this.#bucket, key)) hash.update(bytes);
    return hash.update(this.#pending.bytes());
  }

  /** A lost answer may hide that it was made: what has a digest for a name is only ever made of verified content. */
  async #join(digest: Digest, size: number): Promise<void> {
    const keys = this.#chunks.map(({ key }) => key);
    try {
      await this.#bucket.join(blobKey(digest), keys);
    } catch (error) {
      if ((await this.#bucket.stat(blobKey(digest)))?.size !== size) throw error;
    }
  }
}
