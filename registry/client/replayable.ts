/** Content that can be read again from any byte: what lets a transfer that was cut go on, in a later process too. */
import { CodedError } from "../../store/errors.ts";
import type { Lending } from "../../store/lent.ts";
import type { Resumable } from "../../store/store.ts";

export type Replayable = Resumable & Lending;

/** `isLent`: whoever reads keeps no chunk beyond the next one. */
export function replayable(from: (offset: number, isLent: boolean) => AsyncIterable<Uint8Array>): Replayable {
  return {
    from: (offset) => from(offset, false),
    lend: (offset = 0) => from(offset, true),
    passes: isInterruption,
    [Symbol.asyncIterator]: () => from(0, false)[Symbol.asyncIterator](),
  };
}

export function isReplayable(content: AsyncIterable<Uint8Array>): content is Replayable {
  return typeof (content as Partial<Replayable>).from === "function";
}

/** Somebody ended it, or the other side was away: what came is good. Whoever lies keeps nothing here. */
function isInterruption(error: unknown): boolean {
  return !(error instanceof CodedError) || error.code === "UNREACHABLE";
}
