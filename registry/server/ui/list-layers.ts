/** Reads the layers of an image from their blobs as streams, in a thread of its own, and tells what they change. Nothing is unpacked to disk. */
import { pipeline } from "node:stream";
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import { createGunzip } from "node:zlib";
import { compressionOf } from "../../../store/layer/media-type.ts";
import { unzstd } from "../../../store/layer/zstd.ts";
import type { Descriptor } from "../../../store/oci.ts";
import type { Blobs } from "../../../store/content.ts";
import type { Feed, ListingAnswer, ListingTask } from "./listing-worker.ts";

/** Of all layers together: more is not read, whatever they were packed to. */
const MAX_UNPACKED_BYTES = 16 * 2 ** 30;
const INFLATE_BYTES = 256 << 10;
const MAX_HEAP_MIB = 384;

/** @throws only when `signal` ends it, or for a bug */
export async function listLayers(blobs: Pick<Blobs, "open">, layers: readonly Descriptor[], signal: AbortSignal): Promise<ListingAnswer> {
  const { port1, port2 } = new MessageChannel();
  const posted = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const feeding = feed(blobs, layers, port1, posted);
  const workerData: ListingTask = { port: port2, posted, layers: layers.length };
  const worker = new Worker(new URL("./listing-worker.js", import.meta.url), {
    workerData,
    transferList: [port2],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
  });
  try {
    return await answerOf(worker, signal);
  } finally {
    port1.close();
    await Promise.all([worker.terminate(), feeding[Symbol.asyncDispose]()]);
  }
}

async function answerOf(worker: Worker, signal: AbortSignal): Promise<ListingAnswer> {
  return await new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    worker.once("message", resolve);
    worker.once("error", (error) => {
      const isFull = "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
      if (isFull) resolve({ problem: "Cannot list the layers: they need too much memory" });
      else reject(error);
    });
    worker.once("exit", () => {
      signal.removeEventListener("abort", stop);
      reject(new Error("The worker that lists layers ended without an answer"));
    });
  });
}

/** Answers the thread's questions; one layer is open at a time. */
function feed(blobs: Pick<Blobs, "open">, layers: readonly Descriptor[], port: MessagePort, posted: SharedArrayBuffer): AsyncDisposable {
  let open: { readonly layer: number; readonly bytes: AsyncIterator<Uint8Array> } | undefined;
  let left = MAX_UNPACKED_BYTES;
  const next = async (layer: number): Promise<Feed> => {
    if (open?.layer !== layer) {
      await open?.bytes.return?.();
      open = { layer, bytes: unpacked(blobs, layers[layer]!)[Symbol.asyncIterator]() };
    }
    const { done, value } = await open.bytes.next();
    if (done === true) return { bytes: undefined };
    left -= value.length;
    return left < 0 ? { problem: "Cannot list the layers: they are too large" } : { bytes: value };
  };
  let work = Promise.resolve();
  port.on("message", (layer: number) => {
    work = next(layer)
      .catch((error: unknown): Feed => ({ problem: `Cannot read layer ${layer + 1}: ${(error as Error).message}` }))
      .then((feed) => {
        port.postMessage(feed);
        const counter = new Int32Array(posted);
        Atomics.add(counter, 0, 1);
        Atomics.notify(counter, 0);
      });
  });
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await work;
      await open?.bytes.return?.();
    },
  };
}

async function* unpacked(blobs: Pick<Blobs, "open">, { digest, mediaType }: Descriptor): AsyncGenerator<Uint8Array> {
  const compression = compressionOf(mediaType);
  const packed = blobs.open(digest);
  if (compression === "none") return yield* packed;
  if (compression === "zstd") return yield* unzstd(packed);
  const gunzip = createGunzip({ chunkSize: INFLATE_BYTES });
  pipeline(packed, gunzip, () => undefined); // its errors are the iteration's too
  yield* gunzip as AsyncIterable<Uint8Array>;
}
