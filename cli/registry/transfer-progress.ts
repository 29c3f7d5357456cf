/** Blobs on their way, shown as docker does: lines that change on a terminal, a line for each end in a pipe. */
import type { OnTransfer, TransferState } from "../../registry/client/remote-repository.ts";
import { encodedOf, type Digest } from "../../store/digest.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import { describeTransfer, isEnd, type Row } from "./transfer-row.ts";

export interface TransferProgress extends Disposable {
  readonly onTransfer: OnTransfer;
}

type Words = Readonly<Record<TransferState, string>>;
export type WordOf = (state: TransferState, digest: Digest) => string;

const PUSH_WORDS: Words = { waiting: "Waiting", exists: "Layer already exists", mounted: "Pushed", transferring: "Pushing", done: "Pushed" };
const PULL_WORDS: Words = {
  waiting: "Pulling fs layer",
  exists: "Already exists",
  mounted: "Already exists",
  transferring: "Downloading",
  done: "Pull complete",
};

const COPY_WORDS: Words = { waiting: "Waiting", exists: "Already exists", mounted: "Mounted", transferring: "Copying", done: "Copied" };

/** `from`: the repositories that blobs are mounted from; without one the registry serves this very store, and nothing had to travel. */
export function pushWords(from: ReadonlyMap<Digest, string>): WordOf {
  return (state, digest) => (state === "mounted" && from.has(digest) ? `Mounted from ${from.get(digest)}` : PUSH_WORDS[state]);
}

export const pullWords: WordOf = (state) => PULL_WORDS[state];

export const copyWords: WordOf = (state) => COPY_WORDS[state];

/** Docker shows layers, not what describes them. */
const UNSHOWN: ReadonlySet<string> = new Set([MEDIA_TYPE.config, MEDIA_TYPE.dockerConfig]);
const REDRAW_MS = 100;
const SHORT = 12;

/** @param stream nothing is shown without one @param isWhole of all that an image consists of, not of its layers alone */
export function showTransfers(stream: NodeJS.WriteStream | undefined, wordOf: WordOf, isWhole = false): TransferProgress {
  if (stream === undefined) return { onTransfer: () => {}, [Symbol.dispose]: () => {} };
  const { onTransfer, [Symbol.dispose]: end } = stream.isTTY ? live(stream, wordOf) : plain(stream, wordOf);
  return { onTransfer: (blob, state, bytes) => void ((!isWhole && UNSHOWN.has(blob.mediaType)) || onTransfer(blob, state, bytes)), [Symbol.dispose]: end };
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

function plain(stream: NodeJS.WriteStream, wordOf: WordOf): TransferProgress {
  const said = new Set<string>();
  const onTransfer: OnTransfer = ({ digest }, state) => {
    if (!isEnd(state) || said.has(digest)) return;
    said.add(digest);
    stream.write(`${encodedOf(digest).slice(0, SHORT)}: ${wordOf(state, digest)}\n`);
  };
  return { onTransfer, [Symbol.dispose]: () => {} };
}

function live(stream: NodeJS.WriteStream, wordOf: WordOf): TransferProgress {
  const rows = new Map<string, Row>();
  let drawn = 0;
  let isDirty = false;
  const draw = (): void => {
    if (!isDirty) return;
    isDirty = [...rows.values()].some(({ state }) => state === "transferring"); // its speed changes while nothing comes
    const now = performance.now();
    const height = Math.max(1, (stream.rows || Infinity) - 1); // what has left the screen cannot be drawn again
    const lines = [...rows.values()].slice(-height).map((row) => {
      const { digest } = row.descriptor;
      const name = encodedOf(digest).slice(0, SHORT);
      return `\u001b[2K${`${name}: ${wordOf(row.state, digest)}${describeTransfer(row, now)}`.slice(0, stream.columns || Infinity)}\n`;
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
