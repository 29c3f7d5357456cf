/** Blobs on their way, shown as docker does: lines that change on a terminal, a line for each end in a pipe. */
import type { OnTransfer, TransferState } from "../../registry/client/repository.ts";
import { encodedOf } from "../../store/digest.ts";
import type { Descriptor } from "../../store/oci.ts";
import { describeTransfer, isEnd, type Row } from "./transfer-row.ts";

export interface TransferProgress extends Disposable {
  readonly onTransfer: OnTransfer;
}

export type Words = Readonly<Record<TransferState, string>>;

export const PUSH_WORDS: Words = { waiting: "Waiting", exists: "Layer already exists", mounted: "Mounted", transferring: "Pushing", done: "Pushed" };
export const PULL_WORDS: Words = {
  waiting: "Pulling fs layer",
  exists: "Already exists",
  mounted: "Already exists",
  transferring: "Downloading",
  done: "Pull complete",
};

const REDRAW_MS = 100;
const SHORT = 12;

export function showTransfers(stream: NodeJS.WriteStream, words: Words, quiet: boolean): TransferProgress {
  if (quiet) return { onTransfer: () => {}, [Symbol.dispose]: () => {} };
  return stream.isTTY ? live(stream, words) : plain(stream, words);
}

/** Passes on what it is told, and keeps the blobs that are there now. */
export function gatherBlobs(onTransfer: OnTransfer): { readonly onTransfer: OnTransfer; readonly blobs: Descriptor[] } {
  const blobs: Descriptor[] = [];
  return {
    blobs,
    onTransfer: (descriptor, state, bytes) => {
      if (isEnd(state)) blobs.push(descriptor);
      onTransfer(descriptor, state, bytes);
    },
  };
}

function plain(stream: NodeJS.WriteStream, words: Words): TransferProgress {
  const said = new Set<string>();
  const onTransfer: OnTransfer = ({ digest }, state) => {
    if (!isEnd(state) || said.has(digest)) return;
    said.add(digest);
    stream.write(`${encodedOf(digest).slice(0, SHORT)}: ${words[state]}\n`);
  };
  return { onTransfer, [Symbol.dispose]: () => {} };
}

function live(stream: NodeJS.WriteStream, words: Words): TransferProgress {
  const rows = new Map<string, Row>();
  let drawn = 0;
  let isDirty = false;
  const draw = (): void => {
    if (!isDirty) return;
    isDirty = [...rows.values()].some(({ state }) => state === "transferring"); // its speed changes while nothing comes
    const now = performance.now();
    const height = Math.max(1, (stream.rows || Infinity) - 1); // what has left the screen cannot be drawn again
    const lines = [...rows.values()].slice(-height).map((row) => {
      const name = encodedOf(row.descriptor.digest).slice(0, SHORT);
      return `\u001b[2K${`${name}: ${words[row.state]}${describeTransfer(row, now)}`.slice(0, stream.columns || Infinity)}\n`;
    });
    stream.write(`${drawn === 0 ? "" : `\u001b[${drawn}A`}${lines.join("")}`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, REDRAW_MS).unref();
  const onTransfer: OnTransfer = (descriptor, state, bytes) => {
    const row = rows.get(descriptor.digest) ?? { descriptor, state, bytes: 0, since: undefined };
    rows.set(descriptor.digest, row);
    if (!isEnd(row.state)) row.state = state;
    row.since ??= state === "transferring" ? performance.now() : undefined;
    row.bytes += bytes;
    isDirty = true;
  };
  return {
    onTransfer,
    [Symbol.dispose](): void {
      clearInterval(timer);
      draw();
    },
  };
}
