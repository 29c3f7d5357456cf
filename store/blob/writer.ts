/**
 * One blob being written: a temporary file, hashed as it grows, then synced and linked into blobs/ under its digest.
 * Dispose without commit leaves nothing, unless it was told to keep what came.
 */
import { link, open, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { algorithmOf, type Algorithm, type Digest } from "../digest.ts";
import { syncFolder } from "../durable.ts";
import { StoreError } from "../errors.ts";
import { blobPath, type Layout } from "../layout.ts";
import type { Descriptor } from "../oci.ts";
import { ownedName } from "../owner.ts";
import { renew } from "../renew.ts";
import type { Expected, Filled, Stored } from "../content.ts";
import { LEAST_KEPT_BYTES, leavePartial, ownPartial, takePartial } from "./partials.ts";
import { RunningDigest } from "./running-digest.ts";

export class BlobWriter implements AsyncDisposable {
  readonly #layout: Layout;
  /** Where it grows. */
  readonly path: string;
  readonly #file: FileHandle;
  #digest: RunningDigest;
  #size = 0;
  /** Of one that can be gone on with. */
  #expected: Digest | undefined;
  #isKept = false;
  /** For good, when a write failed: a full disk must not keep what filled it. */
  #isWriting = false;

  private constructor(layout: Layout, path: string, file: FileHandle, algorithm: Algorithm) {
    this.#layout = layout;
    this.path = path;
    this.#file = file;
    this.#digest = new RunningDigest(path, algorithm);
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size;
  }

  static async open(layout: Layout, algorithm: Algorithm): Promise<BlobWriter> {
    const path = join(layout.ingest, ownedName());
    return new BlobWriter(layout, path, await open(path, "wx", 0o644), algorithm);
  }

  /** With what an interrupted transfer of the blob left, if there is any that can be the beginning of it. */
  static async resume(layout: Layout, { digest, size }: Descriptor): Promise<BlobWriter> {
    const begun = await takePartial(layout, digest);
    if (begun !== undefined && begun.size > size) await rm(begun.path, { force: true });
    const path = begun === undefined || begun.size > size ? ownPartial(layout, digest) : begun.path;
    const writer = new BlobWriter(layout, path, await open(path, "a", 0o644), algorithmOf(digest));
    writer.#expected = digest;
    if (path === begun?.path && begun.size > 0) await writer.#digest.grow((writer.#size = begun.size));
    return writer;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#isWriting = true;
    await writeAll(this.#file, chunk);
    this.#isWriting = false;
    this.#size += chunk.length;
    await this.#digest.wrote(chunk);
  }

  /** An empty one is written by who is given its descriptor; what they hashed meanwhile counts. False: nothing was written. */
  async fill(fill: (file: number) => Promise<Filled | undefined>): Promise<boolean> {
    try {
      const filled = await fill(this.#file.fd);
      if (filled === undefined) return false;
      this.#size = filled.size;
      this.#digest = RunningDigest.known(this.path, filled.size, filled.sha256);
      return true;
    } catch (error) {
      this.#isWriting = (error as NodeJS.ErrnoException).syscall === "write";
      this.#size = (await this.#file.stat()).size;
      throw error;
    }
  }

  /** `known` is told what it is, before it is synced. @throws {StoreError} `DIGEST_MISMATCH`, `SIZE_MISMATCH` */
  async commit(expected: Expected = {}, known?: (stored: Stored) => void): Promise<Stored> {
    const [stored] = await Promise.all([this.#stored(known), this.#file.datasync()]); // the disk and a processor side by side
    checkExpected(stored, expected);
    await linkBlob(this.#layout, this.path, stored.digest);
    return stored;
  }

  async #stored(known: ((stored: Stored) => void) | undefined): Promise<Stored> {
    const stored = { digest: await this.#digest.digest(), size: this.#size };
    known?.(stored);
    return stored;
  }

  /** Dispose leaves what came for whoever goes on with it. */
  keep(): void {
    this.#isKept = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#digest[Symbol.dispose]();
    await this.#file.close();
    if (this.#isKept && !this.#isWriting && this.#expected !== undefined && this.#size >= LEAST_KEPT_BYTES)
      await leavePartial(this.#layout, this.path, this.#expected);
    else await rm(this.path, { force: true });
  }
}

/** `position` undefined: where the file stands. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at, position === undefined ? null : position + at)).bytesWritten;
}

export function checkExpected(stored: Stored, expected: Expected): void {
  if (expected.size !== undefined && expected.size !== stored.size) {
    throw new StoreError("SIZE_MISMATCH", `Cannot store ${expected.digest ?? "a blob"}: ${stored.size} bytes came, ${expected.size} were announced`);
  }
  if (expected.digest !== undefined && expected.digest !== stored.digest) {
    throw new StoreError("DIGEST_MISMATCH", `Cannot store ${expected.digest}: the content's digest is ${stored.digest}`);
  }
}

/** Names a finished, synced file as a blob; one that is there already is as good. */
export async function linkBlob(layout: Layout, file: string, digest: Digest): Promise<void> {
  const path = blobPath(layout, digest);
  renew(file); // its last byte may have come long ago, and no record names it yet
  try {
    await link(file, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (renew(path)) return;
    return await linkBlob(layout, file, digest); // it was just collected
  }
  await syncFolder(dirname(path));
}

export function algorithmFor(expected: Expected | undefined): Algorithm {
  return expected?.digest === undefined ? "sha256" : algorithmOf(expected.digest);
}
