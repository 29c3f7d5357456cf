/** Images that a build stands on: from the store, else pulled; opened once and unpacked once. */
import { StoreError } from "../../store/errors.ts";
import type { ChainID, Image } from "../../store/store.ts";
import { BuilderError } from "../errors.ts";
import { didYouMean } from "../dockerfile/suggest.ts";
import type { ImageOrigin } from "../plan/graph.ts";
import type { Progress } from "../progress.ts";
import type { BuildRequest, Collaborators } from "../request.ts";
import { originKey } from "./lineage.ts";

/** Not here, or of an index that was pulled for another platform not this one's part. */
const ABSENT: ReadonlySet<string> = new Set(["IMAGE_UNKNOWN", "BLOB_UNKNOWN"]);

export class BaseImages {
  readonly #request: Pick<BuildRequest, "pull">;
  readonly #collaborators: Collaborators;
  readonly #progress: Progress;
  readonly #opened = new Map<string, Promise<Image>>();
  readonly #unpacked = new Map<string, Promise<ChainID | undefined>>();

  constructor(request: Pick<BuildRequest, "pull">, collaborators: Collaborators, progress: Progress) {
    this.#request = request;
    this.#collaborators = collaborators;
    this.#progress = progress;
  }

  /** @throws {BuilderError} `IMAGE_UNKNOWN` when neither store nor registry has it */
  async open(origin: ImageOrigin): Promise<Image> {
    return await once(this.#opened, JSON.stringify(origin), async () => await this.#choose(origin));
  }

  async #choose(origin: ImageOrigin): Promise<Image> {
    const { store, pins, signal } = this.#collaborators;
    const { reference, platform } = origin;
    if (reference.startsWith("oci-layout://")) return await (await import("../remote/oci-layout.ts")).openLayout(reference, platform, store, signal);
    if (pins === undefined) return await this.#open(origin);
    const { openPinned } = await import("../lock/open-pinned.ts");
    return await openPinned(origin, pins, this.#collaborators, async () => await this.#open(origin));
  }

  /** The stack, every layer unpacked. `name` is what progress shows. */
  async unpack(origin: ImageOrigin, name: string): Promise<ChainID | undefined> {
    return await once(this.#unpacked, JSON.stringify(origin), async () => {
      const { snapshots, images } = this.#collaborators.store;
      const image = await this.open(origin);
      const vertex = this.#progress.start(name, { as: originKey(origin) });
      const isThere = image.chain === undefined || (await snapshots.use(image.chain)) !== undefined;
      if (isThere) vertex.cached();
      const chain = isThere ? image.chain : await images.unpack(image);
      vertex.done();
      return chain;
    });
  }

  async #open({ reference, platform, nearStage }: ImageOrigin): Promise<Image> {
    const { store, puller, signal } = this.#collaborators;
    const refresh = this.#request.pull && puller !== undefined;
    try {
      if (!refresh) return await store.images.open(reference, platform);
    } catch (error) {
      if (!(error instanceof StoreError) || !ABSENT.has(error.code)) throw asBuilderError(error, reference);
      if (puller === undefined) throw await this.#unknown(reference, nearStage, error);
    }
    const vertex = this.#progress.start(`[internal] load metadata for ${reference}`);
    try {
      const descriptor = await puller?.pull(reference, {
        platform,
        refresh,
        onStatus: (status) => vertex.status(status),
        ...(signal === undefined ? {} : { signal }),
      });
      vertex.done();
      return descriptor === undefined ? await store.images.open(reference, platform) : await store.images.read(descriptor, platform);
    } catch (error) {
      vertex.failed(error instanceof Error ? error.message : String(error), signal?.aborted === true);
      throw await this.#unknown(reference, nearStage, error);
    }
  }

  async #unknown(reference: string, nearStage: string | undefined, cause: unknown): Promise<BuilderError> {
    const names = (await this.#collaborators.store.images.list()).flatMap(({ name }) =>
      name === undefined ? [] : [name, familiar(name), familiar(name).replace(/:latest$/, "")],
    );
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new BuilderError("IMAGE_UNKNOWN", `Cannot use image ${reference}: ${reason}`, {
      cause,
      ...didYouMean(reference, nearStage === undefined ? names : [nearStage, ...names]),
    });
  }
}

/** As one writes it. */
function familiar(name: string): string {
  return name.replace(/^docker\.io\/(?:library\/)?/, "");
}

function asBuilderError(error: unknown, reference: string): unknown {
  return error instanceof StoreError ? new BuilderError("IMAGE_UNKNOWN", `Cannot use image ${reference}: ${error.message}`, { cause: error }) : error;
}

function once<Value>(map: Map<string, Promise<Value>>, key: string, make: () => Promise<Value>): Promise<Value> {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
