/**
 * One upload while a request works on it. What came is in the bucket but for what is in one room of the memory for uploads, and that is sent
 * when the room is full, when others need it, or at the end. Commit makes the blob on the service, of verified content only.
 */
import { createHash, type Hash } from "node:crypto";
import { finish, type Algorithm, type Digest } from "../../store/digest.ts";
import { algorithmFor, checkExpected } from "../../store/blob/writer.ts";
import type { Expected, Ingest, Stored } from "../../store/content.ts";
import { RegistryError } from "../errors.ts";
import type { Beat } from "./beat.ts";
import type { Bucket } from "./bucket.ts";
import { CHUNK_BYTES, chunkKey, endOf, MAX_CHUNKS, MAX_TAIL, sizeOf, tailOf, type Chunk } from "./chunks.ts";
import { blobKey, uploadPrefix } from "./keys.ts";
import type { UploadMemory } from "./upload-memory.ts";
import { readObject } from "./read-object.ts";
import type { RoomPool } from "./room-pool.ts";
import type { Room } from "./room.ts";
import { removeUpload } from "./uploads.ts";

/** sha256 of what this process has seen of an upload: of these chunks, and of what follows them up to `offset`. */
export interface Running {
  readonly hash: Hash;
  offset: number;
  chunks: readonly string[];
}

export interface BucketIngestOptions {
  readonly bucket: Bucket;
  readonly memory: UploadMemory;
  readonly id: string;
  /** What is in the bucket. */
  readonly chunks: readonly Chunk[];
  /** Undefined when this process has not seen all of it. */
  readonly running: Running | undefined;
  /** Kept for the next request on it. */
  readonly remember: (state: Running | undefined) => void;
  readonly beat: Beat;
}

export class BucketIngest implements Ingest {
  readonly id: string;
  readonly #bucket: Bucket;
  readonly #memory: UploadMemory;
  readonly #remember: BucketIngestOptions["remember"];
  readonly #beat: Beat;
  /** In the bucket. */
  #sent: readonly Chunk[];
  /** With those on their way. */
  #chunks: readonly Chunk[];
  #running: Running | undefined;
  /** What follows the chunks. A large one keeps a place for the tail in front of it. */
  #room: Room | undefined;
  /** Of the chunk that was sealed last. */
  #flight: Promise<void> = Promise.resolve();
  /** Nothing can follow what did not arrive. */
  #failure: { readonly error: unknown; isTold: boolean } | undefined;
  /** Ends waiting for room. */
  readonly #ended = new AbortController();

  constructor({ bucket, memory, id, chunks, running, remember, beat }: BucketIngestOptions) {
    this.#bucket = bucket;
    this.#memory = memory;
    this.id = id;
    this.#sent = chunks;
    this.#chunks = chunks;
    this.#running = running;
    this.#remember = remember;
    this.#beat = beat;
  }

  get offset(): number {
    return endOf(this.#chunks) + (this.#room?.length ?? 0);
  }

  async write(content: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of content) {
      for (let at = 0; at < chunk.length;) {
        const room = await this.#roomToWrite();
        if (room === this.#room) at += this.#append(room, chunk.subarray(at)); // else it was put down at this very moment
      }
    }
  }

  /** @throws {StoreError} `DIGEST_MISMATCH`, `SIZE_MISMATCH`; {RegistryError} `STORAGE_FAILED` */
  async commit(expected: Expected, keep?: (stored: Stored) => Promise<void>): Promise<Stored> {
    const algorithm = algorithmFor(expected);
    this.#check();
    this.#room?.keep();
    const isSmall = this.#chunks.length === 0; // all of it is in memory
    if (!isSmall) await this.#sendAll();
    const stored = { digest: finish(await this.#hash(algorithm), algorithm), size: this.offset };
    checkExpected(stored, expected);
    if (isSmall) await this.#bucket.put(blobKey(stored.digest), this.#pending());
    else await this.#join(stored.digest, stored.size);
    await keep?.(stored);
    await this.abort();
    return stored;
  }

  async abort(): Promise<void> {
    this.#ended.abort();
    this.#dropRoom();
    await Promise.all([this.#flight.catch(() => undefined), this.#beat.end()]); // what they wrote goes too
    this.#remember(undefined);
    const objects = [];
    for await (const object of this.#bucket.list(uploadPrefix(this.id))) objects.push(object);
    await removeUpload(this.#bucket, objects);
  }

  /** @throws what a chunk was refused with, unless that was thrown before */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#seal();
    const wasTold = this.#failure?.isTold === true;
    await Promise.all([this.#flight.catch(() => undefined), this.#beat.end()]);
    if (wasTold) return;
    this.#check();
    if (this.#running !== undefined) this.#running.chunks = this.#chunks.map(({ key }) => key);
    this.#remember(this.#running);
  }

  #pending(): Buffer {
    return this.#room?.bytes() ?? Buffer.alloc(0);
  }

  #append(room: Room, bytes: Uint8Array): number {
    const { offset } = this;
    const count = room.append(bytes);
    if (this.#running?.offset !== offset) return count;
    this.#running.hash.update(bytes.subarray(0, count));
    this.#running.offset += count;
    return count;
  }

  /** For a byte at least. What comes first goes into a small one; from a full large one it goes on to the next. */
  async #roomToWrite(): Promise<Room> {
    for (;;) {
      this.#check();
      if (this.#room?.isFull === false) return this.#room;
      if (isLarge(this.#room)) {
        await this.#flight.catch(() => undefined); // one is sent while one fills
        this.#seal();
      } else if (this.#room !== undefined || wantsLarge(this.#chunks)) await this.#takeLarge();
      else await this.#takeSmall();
    }
  }

  async #takeSmall(): Promise<void> {
    const room = await this.#take(this.#memory.small);
    room.reserve(0, CHUNK_BYTES - sizeOf(tailOf(this.#chunks)));
    this.#room = room;
  }

  async #takeLarge(): Promise<void> {
    if (this.#chunks.length - tailOf(this.#chunks).length >= MAX_CHUNKS)
      throw new RegistryError("SIZE_INVALID", `Cannot store more than ${MAX_CHUNKS * CHUNK_BYTES} bytes as one blob`);
    const room = await this.#take(this.#memory.large);
    const small = this.#room; // unless it was put down meanwhile
    room.reserve(sizeOf(tailOf(this.#chunks)), CHUNK_BYTES);
    this.#room = room;
    if (small === undefined) return;
    room.append(small.bytes());
    small.free();
  }

  async #take(pool: RoomPool): Promise<Room> {
    const { signal } = this.#ended;
    const room = await pool.take(() => this.#seal(), signal);
    if (this.#failure === undefined && !signal.aborted) return room;
    room.free();
    this.#check();
    throw signal.reason;
  }

  /** All that came is on its way, in chunks that the service can join. */
  async #sendAll(): Promise<void> {
    while (tailOf(this.#chunks).length + (this.#room === undefined ? 0 : 1) > 1) {
      if (isLarge(this.#room)) this.#seal(true);
      else await this.#takeLarge();
    }
    this.#seal();
    await this.#flight.catch(() => undefined);
    this.#check();
  }

  /**
   * What is in the room is on its way when this returns. It becomes a short chunk; one that is full, the `last`, or the last of many short ones
   * takes the place of the tail.
   */
  #seal(last = false): void {
    const room = this.#room;
    if (room === undefined) return;
    this.#room = undefined;
    room.keep();
    const tail = tailOf(this.#chunks);
    const isMerged = isLarge(room) && (last || room.isFull || tail.length >= MAX_TAIL);
    const shorter = isMerged ? tail : [];
    const bytes = isMerged ? room.whole() : room.bytes();
    if (bytes.length === 0) return room.free();
    const start = shorter[0]?.start ?? endOf(this.#chunks);
    const chunk = { key: chunkKey(this.id, start), start, size: bytes.length };
    this.#chunks = [...this.#chunks.slice(0, this.#chunks.length - shorter.length), chunk];
    this.#flight = this.#send({ chunk, bytes, shorter, before: this.#flight }).finally(() => room.free());
    this.#flight.catch(() => undefined); // whoever goes on with the upload is told
  }

  async #send({ chunk, bytes, shorter, before }: Sealed): Promise<void> {
    try {
      await before;
      await this.#read(shorter, bytes);
      await this.#bucket.put(chunk.key, bytes);
      this.#sent = [...this.#sent.filter((one) => !shorter.includes(one)), chunk];
    } catch (error) {
      this.#failure ??= { error, isTold: false };
      this.#chunks = this.#sent;
      this.#dropRoom();
      throw error;
    }
    await removeUpload(this.#bucket, shorter).catch(() => undefined); // they do not count beside it, and go with the upload
  }

  /** To the front of `into`. @throws {RegistryError} `BLOB_UPLOAD_UNKNOWN`, `STORAGE_FAILED` */
  async #read(chunks: readonly Chunk[], into: Buffer): Promise<void> {
    let at = 0;
    try {
      for (const { key, size } of chunks)
        for await (const bytes of readObject(this.#bucket, key, { start: 0, end: size })) {
          into.set(bytes, at);
          at += bytes.length;
        }
    } catch (error) {
      if (!(error instanceof RegistryError && error.code === "BLOB_UNKNOWN")) throw error;
    }
    if (at !== sizeOf(chunks)) throw new RegistryError("BLOB_UPLOAD_UNKNOWN", `Cannot continue upload ${this.id}: it ended meanwhile`);
  }

  #dropRoom(): void {
    this.#room?.free();
    this.#room = undefined;
  }

  #check(): void {
    if (this.#failure === undefined) return;
    this.#failure.isTold = true;
    throw this.#failure.error;
  }

  async #hash(algorithm: Algorithm): Promise<Hash> {
    if (algorithm === "sha256" && this.#running?.offset === this.offset) return this.#running.hash.copy();
    const hash = createHash(algorithm);
    for (const { key } of this.#chunks) for await (const bytes of readObject(this.#bucket, key)) hash.update(bytes);
    return hash.update(this.#pending());
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

/** A chunk on its way. */
interface Sealed {
  readonly chunk: Chunk;
  readonly bytes: Buffer;
  /** Those that it takes the place of: they are read into the front of it, where room is kept for them. */
  readonly shorter: readonly Chunk[];
  readonly before: Promise<void>;
}

function isLarge(room: Room | undefined): boolean {
  return room?.capacity === CHUNK_BYTES;
}

/** Behind a full chunk, as it goes on like that; and where the tail is to become one. */
function wantsLarge(chunks: readonly Chunk[]): boolean {
  const tail = tailOf(chunks);
  return tail.length === 0 ? chunks.length > 0 : tail.length >= MAX_TAIL || sizeOf(tail) >= CHUNK_BYTES;
}
