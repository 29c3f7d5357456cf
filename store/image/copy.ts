/**
 * The one copy routine behind push, pull, save and load: from the leaves up, so that a manifest is there when all of its image is. What somebody took
 * out of an image afterwards is brought again.
 */
import type { Digest } from "../digest.ts";
import type { Descriptor, Platform } from "../oci.ts";
import type { ContentSink, ContentSource } from "../content.ts";
import { StoreError } from "../errors.ts";
import { isIndex, isManifest, parseIndex, parseManifest } from "./documents.ts";
import { choosePlatform, formatPlatform, listPlatforms } from "./platform.ts";
import { MAX_DOCUMENT_BYTES } from "../blob/blobs.ts";
import { once } from "../known-bytes.ts";

export interface CopyOptions {
  readonly signal?: AbortSignal;
  /** `bytes` is what came since the last call; `state` changes from `started` to `done`, or is `present` at once. */
  readonly onProgress?: (descriptor: Descriptor, state: "started" | "done" | "present", bytes: number) => void;
  /** Blobs on the way at once. @default 4 */
  readonly concurrency?: number;
  /** Of an index, only this platform's image. @default all that the source has */
  readonly platform?: Platform;
  /** Parts that the source may lack: other platforms of an index that was pulled for one. */
  readonly isHere?: (descriptor: Descriptor) => Promise<boolean>;
}

/** Idempotent. Returns what was copied: `descriptor`, or of an index and a platform that image's manifest. @throws {StoreError} `PLATFORM_UNKNOWN`, `MANIFEST_INVALID` */
export async function copyImage(from: ContentSource, to: ContentSink, descriptor: Descriptor, options: CopyOptions = {}): Promise<Descriptor> {
  const run: Run = { from, to, options, turn: turns(options.concurrency ?? 4), look: turns(LOOKS), begun: new Map() };
  if (options.platform === undefined || !isIndex(descriptor)) {
    await copyTree(run, descriptor);
    return descriptor;
  }
  return await copyImage(from, to, await choosePart(from, descriptor, options.platform), options);
}

/** What of `descriptor` is for the platform: itself when it is no index. @throws {StoreError} `PLATFORM_UNKNOWN`, `MANIFEST_INVALID` */
export async function choosePart(from: ContentSource, descriptor: Descriptor, platform: Platform): Promise<Descriptor> {
  for (let at = descriptor, depth = 0; ; depth++) {
    if (!isIndex(at)) return at;
    if (depth > MAX_NESTING) throw tooDeep(descriptor);
    const { manifests } = parseIndex(await readDocument(from, at));
    const chosen = choosePlatform(manifests, platform);
    if (chosen === undefined)
      throw new StoreError(
        "PLATFORM_UNKNOWN",
        `Cannot copy ${at.digest}: it has no image for ${formatPlatform(platform)}, only for ${listPlatforms(manifests)}`,
      );
    at = chosen;
  }
}

/** Questions at once: of an image that is there all that remains is to ask, of a registry over a line with a delay. */
const LOOKS = 8;
/** Indexes in indexes: deeper ones are made to keep us busy. */
const MAX_NESTING = 8;

type Turn = <T>(work: () => Promise<T>) => Promise<T>;

interface Run {
  readonly from: ContentSource;
  readonly to: ContentSink;
  readonly options: CopyOptions;
  readonly turn: Turn;
  readonly look: Turn;
  /** What platforms have in common is copied once, and waited for by all. */
  readonly begun: Map<Digest, Promise<void>>;
}

async function copyOnce(run: Run, descriptor: Descriptor, depth: number): Promise<void> {
  const copying = run.begun.get(descriptor.digest) ?? copyTree(run, descriptor, depth);
  run.begun.set(descriptor.digest, copying);
  await copying;
}

async function copyTree(run: Run, descriptor: Descriptor, depth = 0): Promise<void> {
  run.options.signal?.throwIfAborted();
  if (!isIndex(descriptor) && !isManifest(descriptor)) return await copyBlob(run, descriptor);
  const isThere = await isInTarget(run, descriptor);
  if (depth > MAX_NESTING) throw tooDeep(descriptor);
  const bytes = await readDocument(run.from, descriptor);
  if (bytes.length !== descriptor.size)
    throw new StoreError("SIZE_MISMATCH", `Cannot copy ${descriptor.digest}: it has ${bytes.length} bytes where ${descriptor.size} were announced`);
  await Promise.all((await childrenOf(run, descriptor, bytes)).map(async (child) => await copyOnce(run, child, depth + 1)));
  if (isThere) return run.options.onProgress?.(descriptor, "present", 0);
  await run.to.push(descriptor, once(bytes));
  run.options.onProgress?.(descriptor, "done", bytes.length);
}

async function isInTarget({ to, look }: Run, descriptor: Descriptor): Promise<boolean> {
  return await look(async () => await to.has(descriptor));
}

function tooDeep({ digest }: Descriptor): StoreError {
  return new StoreError("MANIFEST_INVALID", `Cannot copy ${digest}: it stands more than ${MAX_NESTING} indexes deep`);
}

async function childrenOf(run: Run, descriptor: Descriptor, bytes: Uint8Array): Promise<readonly Descriptor[]> {
  if (isManifest(descriptor)) {
    const { config, layers } = parseManifest(bytes);
    const parts = [config, ...layers.filter(({ urls }) => urls === undefined || urls.length === 0)];
    return [...new Map(parts.map((part) => [part.digest, part])).values()].toSorted((a, b) => b.size - a.size); // what takes longest begins first
  }
  const { isHere } = run.options;
  const { manifests } = parseIndex(bytes);
  const present = await Promise.all(manifests.map(async (manifest) => isHere === undefined || (await isHere(manifest))));
  return manifests.filter((_, index) => present[index]);
}

async function copyBlob(run: Run, descriptor: Descriptor): Promise<void> {
  if (await isInTarget(run, descriptor)) return run.options.onProgress?.(descriptor, "present", 0);
  await run.turn(async () => await sendBlob(run, descriptor));
}

async function sendBlob({ from, to, options }: Run, descriptor: Descriptor): Promise<void> {
  const { onProgress, signal } = options;
  onProgress?.(descriptor, "started", 0);
  const content = from.fetch(descriptor);
  const isWatched = onProgress !== undefined || signal !== undefined; // as it is otherwise: a sink may go on in the middle of content that can be read again
  await to.push(descriptor, isWatched ? watched(content, signal, (bytes) => onProgress?.(descriptor, "started", bytes)) : content);
  onProgress?.(descriptor, "done", 0);
}

async function* watched(content: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined, onBytes: (count: number) => void): AsyncIterable<Uint8Array> {
  for await (const chunk of content) {
    signal?.throwIfAborted();
    onBytes(chunk.length);
    yield chunk;
  }
}

/** @throws {StoreError} `MANIFEST_INVALID` when it is longer than documents are */
export async function readDocument(from: ContentSource, descriptor: Descriptor): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of from.fetch(descriptor)) {
    size += chunk.length;
    if (size > MAX_DOCUMENT_BYTES) throw new StoreError("MANIFEST_INVALID", `Cannot read ${descriptor.digest}: it is longer than ${MAX_DOCUMENT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** At most `width` at a time, in order. */
function turns(width: number): Turn {
  const waiting: (() => void)[] = [];
  let free = width;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
