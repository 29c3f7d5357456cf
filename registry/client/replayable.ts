/** Content that can be read again from any byte: what lets a transfer that was cut go on, in a later process too. */
import { CodedError } from "../../store/errors.ts";
import type { Resumable } from "../../store/store.ts";

export function replayable(from: (offset: number) => AsyncIterable<Uint8Array>): Resumable {
  return { from, passes: isInterruption, [Symbol.asyncIterator]: () => from(0)[Symbol.asyncIterator]() };
}

export function isReplayable(content: AsyncIterable<Uint8Array>): content is Resumable {
  return typeof (content as Partial<Resumable>).from === "function";
}

/** Somebody ended it, or the other side was away: what came is good. Whoever lies keeps nothing here. */
function isInterruption(error: unknown): boolean {
  return !(error instanceof CodedError) || error.code === "UNREACHABLE";
}
