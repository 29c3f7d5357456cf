/** Content that can be read again from any byte: what lets a transfer that was cut go on, in a later process too. */
import type { RunningHash } from "../../http/transfer.ts";
import { CodedError } from "../../store/errors.ts";
import type { Lending } from "../../store/lent.ts";
import type { Filled, Resumable } from "../../store/content.ts";

/** How far a file is. */
export interface Begun {
  /** Bytes in it, all of them hashed. */
  at: number;
  /** Undefined as long as nobody wrote. */
  hash?: RunningHash | undefined;
}

/** `begun` goes on with it, and tells how far it came when it fails. */
type Fill = (file: number, begun?: Begun) => Promise<Filled | undefined>;

export type Replayable = Omit<Resumable, "fill"> & Lending & { readonly fill?: Fill };

/** `isLent`: whoever reads keeps no chunk beyond the next one. */
export function replayable(from: (offset: number, isLent: boolean) => AsyncIterable<Uint8Array>, fill?: Fill): Replayable {
  return {
    from: (offset) => from(offset, false),
    lend: (offset = 0) => from(offset, true),
    passes: isInterruption,
    [Symbol.asyncIterator]: () => from(0, false)[Symbol.asyncIterator](),
    ...(fill === undefined ? {} : { fill }),
  };
}

export function isReplayable(content: AsyncIterable<Uint8Array>): content is Replayable {
  return typeof (content as Partial<Replayable>).from === "function";
}

/** Somebody ended it, or the other side was away: what came is good. Whoever lies keeps nothing here. */
function isInterruption(error: unknown): boolean {
  return !(error instanceof CodedError) || error.code === "UNREACHABLE";
}
