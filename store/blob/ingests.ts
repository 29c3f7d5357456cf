/** Uploads that outlive their process: plain files in ingest/ that are appended to. Hashed while they grow, and read again only when another process began them. */
import { fstatSync, readdirSync, rmSync, statSync } from "node:fs";
import { copyFile, open, readdir, rename, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { EXCLUSIVE, flock, NO_WAIT } from "../../system/file-lock.ts";
import type { Algorithm, Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import type { Layout } from "../layout.ts";
import type { Expected, Fill, Ingest, Ingests, Stored, Unfinished } from "../content.ts";
import { RunningDigest } from "./running-digest.ts";
import { writeBehind } from "./write-behind.ts";
import { algorithmFor, checkExpected, linkBlob, writeAll } from "./writer.ts";

/** Uploads whose running hash is kept between requests; older ones are read again when they end. */
const MAX_HASHES = 256;
const ID = /^[0-9a-f-]{36}$/;
const PREFIX = "upload-";
/** Milliseconds since the last write: nobody goes on with it. */
const ABANDONED_MS = 7 * 24 * 3_600_000;

/** `begin` is told before a write. */
export function openIngests(layout: Layout, begin: () => void): Ingests {
  let isSwept = false;
  const enter = (): void => {
    begin();
    if (!isSwept) sweepUploads(layout, Date.now());
    isSwept = true;
  };
  const running = new Map<string, RunningDigest>();
  const remember = (id: string, digest: RunningDigest): void => {
    running.set(id, digest);
    for (const oldest of running.keys()) if (running.size > MAX_HASHES) forget(running, oldest);
  };
  return {
    async create() {
      enter();
      const id = process.getBuiltinModule("node:crypto").randomUUID();
      const file = await open(ingestPath(layout, id), "wx+", 0o644);
      lock(file);
      remember(id, new RunningDigest(ingestPath(layout, id), "sha256"));
      return new FileIngest(layout, id, file, 0, running);
    },
    async open(id) {
      enter();
      const file = ID.test(id) ? await openExisting(layout, id) : undefined;
      if (file === undefined) throw unknown(id);
      return new FileIngest(layout, id, file, (await file.stat()).size, running);
    },
    async offset(id) {
      const found = ID.test(id) ? statSync(ingestPath(layout, id), { throwIfNoEntry: false }) : undefined;
      if (found === undefined) throw unknown(id);
      return await Promise.resolve(found.size);
    },
    async *list() {
      yield* await listUploads(layout);
    },
    async expire(before, isUsed) {
      const removed = await removeOlder(layout, before, isUsed);
      for (const { id } of removed) running.delete(id);
      return removed;
    },
  };
}

/** Removes the uploads that nobody went on with for days. */
export function sweepUploads(layout: Layout, now: number): void {
  for (const name of readdirSync(layout.ingest)) {
    const path = join(layout.ingest, name);
    if (name.startsWith(PREFIX) && (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now) < now - ABANDONED_MS) rmSync(path, { force: true });
  }
}

async function listUploads(layout: Layout): Promise<readonly Unfinished[]> {
  const names = (await readdir(layout.ingest)).filter((name) => name.startsWith(PREFIX));
  return names.flatMap((name) => {
    const found = statSync(join(layout.ingest, name), { throwIfNoEntry: false });
    return found === undefined ? [] : [{ id: name.slice(PREFIX.length), size: found.size, writtenAt: found.mtimeMs }];
  });
}

async function removeOlder(layout: Layout, before: number, isUsed: (id: string) => boolean): Promise<readonly Unfinished[]> {
  const removed: Unfinished[] = [];
  for (const upload of await listUploads(layout)) {
    if (upload.writtenAt < before && !isUsed(upload.id) && (await removeIdle(ingestPath(layout, upload.id), before))) removed.push(upload);
  }
  return removed;
}

/** Locked while it is looked at again and removed: whoever writes to it has the lock. */
async function removeIdle(path: string, before: number): Promise<boolean> {
  const file = await openThere(path);
  if (file === undefined) return false;
  try {
    if (!lock(file) || fstatSync(file.fd).mtimeMs >= before) return false;
    await rm(path, { force: true });
    return true;
  } finally {
    await file.close();
  }
}

function ingestPath(layout: Layout, id: string): string {
  return join(layout.ingest, PREFIX + id);
}

function unknown(id: string): StoreError {
  return new StoreError("INGEST_UNKNOWN", `Cannot continue upload ${JSON.stringify(id)}: there is none of that id`);
}

/**
 * Locked before it is looked at: what another process still wrote into, after it became a blob here, would be that blob's content.
 * @throws {StoreError} `INGEST_BUSY`
 */
async function openExisting(layout: Layout, id: string): Promise<FileHandle | undefined> {
  const path = ingestPath(layout, id);
  for (;;) {
    const file = await openThere(path);
    if (file === undefined) return undefined;
    const isLocked = lock(file);
    const { ino, nlink } = fstatSync(file.fd);
    if (isLocked && nlink === 1 && statSync(path, { throwIfNoEntry: false })?.ino === ino) return file;
    try {
      if (!isLocked) throw new StoreError("INGEST_BUSY", `Cannot continue upload ${JSON.stringify(id)}: another process writes to it`);
      if (nlink > 1) await separate(path);
    } finally {
      await file.close();
    }
  }
}

async function openThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Until the file is closed, also by the process's end. */
function lock(file: FileHandle): boolean {
  return flock(file.fd, EXCLUSIVE | NO_WAIT);
}

/** Of one whose process ended while it became a blob: what is written from now on must not reach that. */
async function separate(path: string): Promise<void> {
  const copy = `${path}.copy`;
  await copyFile(path, copy);
  await rename(copy, path);
}

class FileIngest implements Ingest {
  readonly id: string;
  readonly #layout: Layout;
  readonly #file: FileHandle;
  readonly #running: Map<string, RunningDigest>;
  #offset: number;
  #isFilling = false;
  #isClosed = false;

  constructor(layout: Layout, id: string, file: FileHandle, offset: number, running: Map<string, RunningDigest>) {
    this.#layout = layout;
    this.id = id;
    this.#file = file;
    this.#offset = offset;
    this.#running = running;
  }

  get offset(): number {
    return this.#isFilling ? fstatSync(this.#file.fd).size : this.#offset;
  }

  async write(content: AsyncIterable<Uint8Array>): Promise<void> {
    await writeBehind(content, async (block) => {
      await writeAll(this.#file, block, this.#offset);
      const digest = this.#running.get(this.id);
      if (digest?.size === this.#offset) await digest.wrote(block);
      this.#offset += block.length;
    });
  }

  async fill(fill: Fill): Promise<void> {
    this.#isFilling = true;
    forget(this.#running, this.id);
    try {
      const { size, sha256 } = await fill(this.#file.fd, 0);
      this.#running.set(this.id, RunningDigest.known(ingestPath(this.#layout, this.id), size, sha256));
    } finally {
      this.#offset = fstatSync(this.#file.fd).size; // at once: somebody may ask for it
      this.#isFilling = false;
    }
  }

  async commit(expected: Expected, keep?: (stored: Stored) => Promise<void>): Promise<Stored> {
    const algorithm = algorithmFor(expected);
    const stored = { digest: await this.#digest(algorithm), size: this.#offset };
    checkExpected(stored, expected);
    await this.#file.datasync();
    await linkBlob(this.#layout, ingestPath(this.#layout, this.id), stored.digest);
    await keep?.(stored);
    await this.abort();
    return stored;
  }

  async abort(): Promise<void> {
    forget(this.#running, this.id);
    await rm(ingestPath(this.#layout, this.id), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
  }

  async #digest(algorithm: Algorithm): Promise<Digest> {
    const running = this.#running.get(this.id);
    if (running?.size === this.#offset && algorithm === "sha256") return await running.digest();
    using again = new RunningDigest(ingestPath(this.#layout, this.id), algorithm);
    await again.grow(this.#offset);
    return await again.digest();
  }
}

function forget(running: Map<string, RunningDigest>, id: string): void {
  running.get(id)?.[Symbol.dispose]();
  running.delete(id);
}
