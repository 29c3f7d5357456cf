/** The blobs of one image: fetched side by side, layers unpacked while they come. The first failure ends all of it. */
import { parseConfig } from "../../store/image/documents.ts";
import { chainsOf } from "../../store/layer/chain.ts";
import type { Digest } from "../../store/digest.ts";
import type { Descriptor, Manifest } from "../../store/oci.ts";
import type { ChainID, StagedLayer } from "../../store/store.ts";
import { RegistryError } from "../errors.ts";
import { blaming } from "./blame.ts";
import { limit, type Limit } from "./limit.ts";
import { isReplayable, type Replayable } from "./replayable.ts";
import type { PullOptions, PullSource, PullStore } from "./pull-options.ts";

/** Blobs on the way at once: as many as docker takes. */
const PARALLEL = 3;

interface Work {
  readonly source: PullSource;
  readonly store: PullStore;
  readonly options: PullOptions;
  readonly turn: Limit;
  readonly signal: AbortSignal;
}

interface Step {
  readonly layer: Descriptor;
  readonly parent: ChainID | undefined;
  /** Undefined: only the blob is wanted. */
  readonly files: { readonly chain: ChainID; readonly diffID: Digest } | undefined;
}

/** @throws {RegistryError} @throws {StoreError} `LAYER_INVALID`, `DIGEST_MISMATCH`, … */
export async function pullLayers(source: PullSource, store: PullStore, manifest: Manifest, options: PullOptions): Promise<void> {
  const stop = new AbortController();
  const work: Work = { source, store, options, turn: limit(PARALLEL), signal: stop.signal };
  await fetchBlob(work, manifest.config);
  const steps = await planSteps(work, manifest);
  const staged = new Map<Digest, Promise<StagedLayer | undefined>>();
  for (const step of steps) {
    if (staged.has(step.layer.digest)) continue;
    const bringing = bring(work, step);
    staged.set(step.layer.digest, bringing);
    bringing.catch((error: unknown) => stop.abort(error));
  }
  try {
    const committed = new Set<Digest>(); // a layer that comes twice was unpacked once, and is again from its blob
    for (const step of steps) {
      const { digest } = step.layer;
      const ready = await orStopped(staged.get(digest), stop.signal);
      await commit(work, step, committed.has(digest) ? undefined : ready);
      committed.add(digest);
    }
  } finally {
    stop.abort(new RegistryError("UNREACHABLE", `Cannot go on pulling from ${source.place}: another part of it failed`));
    for (const end of await Promise.allSettled(staged.values())) if (end.status === "fulfilled") await end.value?.[Symbol.asyncDispose]();
  }
}

async function planSteps({ source, store, options }: Work, { config, layers }: Manifest): Promise<readonly Step[]> {
  if (options.unpack === false) return layers.map((layer) => ({ layer, parent: undefined, files: undefined }));
  const { diff_ids: diffIDs } = parseConfig(await store.blobs.read(config.digest)).rootfs;
  if (diffIDs.length !== layers.length)
    throw new RegistryError(
      "MANIFEST_INVALID",
      `Cannot pull from ${source.place}: its manifest has ${layers.length} layers, and its config ${config.digest} names ${diffIDs.length}`,
    );
  const chains = chainsOf(diffIDs);
  await options.arrival?.expect({ chains });
  return layers.map((layer, index) => ({ layer, parent: chains[index - 1], files: { chain: chains[index]!, diffID: diffIDs[index]! } }));
}

/** The layer, unpacked aside; undefined when there is nothing to unpack. */
async function bring(work: Work, { layer, files }: Step): Promise<StagedLayer | undefined> {
  const { source, store, options, turn, signal } = work;
  options.onTransfer?.(layer, "waiting", 0);
  return await turn(async () => {
    signal.throwIfAborted();
    if (files === undefined || (await store.snapshots.use(files.chain)) !== undefined) {
      await storeBlob(work, layer);
      return undefined;
    }
    const isHere = await store.blobs.has(layer);
    if (isHere) options.onTransfer?.(layer, "exists", 0);
    const staged = await blaming(source.place, layer, async () => await store.snapshots.stage(layer, files.diffID, isHere ? undefined : incoming(work, layer)));
    if (isHere) return staged;
    try {
      if (await store.blobs.has(layer)) options.onTransfer?.(layer, "done", 0);
      else await storeBlob(work, layer); // its files were here, under another blob
      return staged;
    } catch (error) {
      await staged[Symbol.asyncDispose]();
      throw error;
    }
  });
}

async function commit({ store }: Work, { layer, parent, files }: Step, staged: StagedLayer | undefined): Promise<void> {
  if (files === undefined || (await store.snapshots.use(files.chain)) !== undefined) return;
  if (staged === undefined) await store.snapshots.apply(parent, layer, files.diffID);
  else await staged.commit(parent);
}

async function fetchBlob(work: Work, descriptor: Descriptor): Promise<void> {
  work.options.onTransfer?.(descriptor, "waiting", 0);
  await work.turn(async () => await storeBlob(work, descriptor));
}

async function storeBlob(work: Work, descriptor: Descriptor): Promise<void> {
  const { source, store, options } = work;
  if (await store.blobs.has(descriptor)) return options.onTransfer?.(descriptor, "exists", 0);
  await blaming(source.place, descriptor, async () => await store.blobs.push(descriptor, incoming(work, descriptor)));
  options.onTransfer?.(descriptor, "done", 0);
}

/** What an earlier pull brought of it is shown as come. */
function incoming({ source, options, signal }: Work, descriptor: Descriptor): AsyncIterable<Uint8Array> {
  const content = source.fetch(descriptor, { signal });
  if (!isReplayable(content)) return content;
  const shown: Replayable = {
    ...content,
    from(offset) {
      if (offset > 0) options.onTransfer?.(descriptor, "transferring", offset);
      return content.from(offset);
    },
    lend(offset = 0) {
      if (offset > 0) options.onTransfer?.(descriptor, "transferring", offset);
      return content.lend(offset);
    },
  };
  return shown;
}

async function orStopped<T>(work: Promise<T> | undefined, signal: AbortSignal): Promise<T | undefined> {
  if (work === undefined) return undefined;
  const stopped = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return await Promise.race([work, stopped]);
}
