/** Worker thread: reads the layers of one image one after the other and answers once, with what they change or why that cannot be told. */
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";
import { StoreError } from "../../../store/errors.ts";
import { listTar } from "../../../store/layer/tar-listing.ts";
import { TarReader } from "../../../store/tar/reader.ts";
import { listStack, type StackListing } from "./stack-listing.ts";

export interface ListingTask {
  /** Asked for the next bytes of a layer by its number, it gives `Feed`s. */
  readonly port: MessagePort;
  /** Counts what was posted there: the thread sleeps on it. */
  readonly posted: SharedArrayBuffer;
  readonly layers: number;
}

/** Uncompressed. Undefined at the end. */
export type Feed = { readonly bytes: Uint8Array | undefined } | { readonly problem: string };

export type ListingAnswer = { readonly listing: StackListing } | { readonly problem: string };

const MAX_ENTRIES = 200_000;
const MAX_CHARACTERS = 32 << 20;
const MAX_PARTS = 600_000;

function answer(task: ListingTask): ListingAnswer {
  const budget = { entries: MAX_ENTRIES, characters: MAX_CHARACTERS, parts: MAX_PARTS };
  try {
    const layers = Array.from({ length: task.layers }, (_, index) => listTar(new TarReader(chunksOf(task, index)), budget));
    return { listing: listStack(layers) };
  } catch (error) {
    if (error instanceof StoreError) return { problem: error.message };
    throw error;
  }
}

function* chunksOf(task: ListingTask, layer: number): Generator<Buffer> {
  for (;;) {
    const feed = ask(task, layer);
    if ("problem" in feed) throw new StoreError("LAYER_INVALID", feed.problem);
    if (feed.bytes === undefined) return;
    yield Buffer.from(feed.bytes.buffer, feed.bytes.byteOffset, feed.bytes.byteLength);
  }
}

/** Sleeps until it is there: tars are read synchronously. */
function ask({ port, posted }: ListingTask, layer: number): Feed {
  const counter = new Int32Array(posted);
  port.postMessage(layer);
  for (;;) {
    const seen = Atomics.load(counter, 0);
    const got = receiveMessageOnPort(port);
    if (got !== undefined) return got.message;
    Atomics.wait(counter, 0, seen);
  }
}

const task = workerData as ListingTask;
parentPort?.postMessage(answer(task));
task.port.close();
