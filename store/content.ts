/** Blobs by their digest: what is there, where it comes from and goes, and what is still under way. A write is whole or absent. */
import type { Algorithm, Digest } from "./digest.ts";
import type { Descriptor } from "./oci.ts";

/** Half-open byte range. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface Expected {
  readonly digest?: Digest;
  readonly size?: number;
}

export interface Stored {
  readonly digest: Digest;
  readonly size: number;
}

/** Where content comes from: a store, a registry, an archive. */
export interface ContentSource {
  /** @throws `BLOB_UNKNOWN` (or the source's own twin of it) on the first step of the iteration. */
  fetch(descriptor: Descriptor): AsyncIterable<Uint8Array>;
}

/** Where content goes. */
export interface ContentSink {
  has(descriptor: Descriptor): Promise<boolean>;
  /** Verifies digest and size before it resolves; idempotent. */
  push(descriptor: Descriptor, content: AsyncIterable<Uint8Array>): Promise<void>;
}

export interface Blobs extends ContentSource, ContentSink {
  stat(digest: Digest): Promise<Stored | undefined>;
  /** Path of a blob that is there as a file (a layer built here may exist only as a snapshot until it is written). */
  path(digest: Digest): string;
  /** @throws {StoreError} `BLOB_UNKNOWN` on the first step. */
  open(digest: Digest, range?: ByteRange): AsyncIterable<Uint8Array>;
  /** Bytes of a blob that is not there which an interrupted transfer left, and the next need not fetch. */
  begun(digest: Digest): number;
  /** The whole blob in memory. @throws {StoreError} `BLOB_UNKNOWN`, `SIZE_MISMATCH` when longer than `limit` bytes. */
  read(digest: Digest, limit?: number): Promise<Uint8Array>;
  /** Stores `content` whole, or not at all; content already there is a success. @throws {StoreError} `DIGEST_MISMATCH`, `SIZE_MISMATCH` */
  ingest(content: AsyncIterable<Uint8Array>, expected?: Expected): Promise<Stored>;
  put(bytes: Uint8Array | string, algorithm?: Algorithm): Promise<Stored>;
  /** Idempotent. */
  remove(digest: Digest): Promise<void>;
  list(): AsyncIterable<Stored>;
}

/** Content that can be read from any byte. What came of it before a failure that passes is kept, and another process goes on from there. */
export interface Resumable extends AsyncIterable<Uint8Array> {
  from(offset: number): AsyncIterable<Uint8Array>;
  /** Whether another time may bring the rest. */
  passes(error: unknown): boolean;
  /**
   * Writes all of it into an empty file, its descriptor given; undefined, with nothing written, where it has to be read.
   * When it throws, what came before stays; what the file refused has the `syscall` `write`.
   */
  fill?(file: number): Promise<Filled | undefined>;
}

/** What was written. */
export interface Filled {
  /** Bytes. */
  readonly size: number;
  /** Hex, of those bytes as they were written. */
  readonly sha256: string;
}

/** A blob that is being made. Dispose gives up what is not whole yet. */
export interface GrowingBlob extends AsyncDisposable {
  /** Of the file that it grows in, good until it is disposed. */
  readonly path: string;
  /** Bytes that are there, once they are more than `known` or all. Rejects with what its making failed with. */
  reach(known: number): Promise<number>;
  /** What is there from `offset` on, and what comes. @throws likewise */
  from(offset: number): AsyncIterable<Uint8Array>;
  /** As soon as it is known, which is before it is kept. */
  readonly digest: Promise<Stored>;
  /** Once it is a blob of the store. */
  readonly whole: Promise<Descriptor>;
}

export interface Unfinished {
  readonly id: string;
  /** Bytes that it holds. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly writtenAt: number;
}

/** Uploads and downloads under way: they outlive the process and go on where they were. */
export interface Ingests {
  create(): Promise<Ingest>;
  /** Nobody else has it open for writing until it is disposed of. @throws {StoreError} `INGEST_UNKNOWN`, `INGEST_BUSY` */
  open(id: string): Promise<Ingest>;
  /** Bytes written so far, whoever writes. @throws {StoreError} `INGEST_UNKNOWN` */
  offset(id: string): Promise<number>;
  /** What is under way, or was left. */
  list(): AsyncIterable<Unfinished>;
  /** Removes those that were last written before that (milliseconds since the epoch), but for those in use, here or by another process; gives what went. */
  expire(before: number, isUsed: (id: string) => boolean): Promise<readonly Unfinished[]>;
}

/** Writes into a file from `offset` on; gives how many bytes, and their digest in hex. When it throws, what came before stays. */
export type Fill = (file: number, offset: number) => Promise<Filled>;

/** Dispose closes it and keeps what was written; `abort` removes it. */
export interface Ingest extends AsyncDisposable {
  readonly id: string;
  /** Bytes written so far. */
  readonly offset: number;
  /** As it comes; when the content fails, what came before stays. */
  write(content: AsyncIterable<Uint8Array>): Promise<void>;
  /** Has an empty one written by who is given its descriptor, and trusts the digest of what was written. Absent where there is no file. */
  fill?(fill: Fill): Promise<void>;
  /**
   * Hashes (while writing where it can), compares, makes durable, links into blobs/ and ends the ingest. `keep` is done with the blob before the
   * ingest ends: whoever is killed in between can commit again.
   */
  commit(expected: Expected, keep?: (stored: Stored) => Promise<void>): Promise<Stored>;
  abort(): Promise<void>;
}
