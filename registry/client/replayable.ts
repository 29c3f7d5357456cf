/** Content that can be read again from any byte: what lets a transfer that was cut go on. */

export interface Replayable extends AsyncIterable<Uint8Array> {
  from(offset: number): AsyncIterable<Uint8Array>;
}

export function replayable(from: (offset: number) => AsyncIterable<Uint8Array>): Replayable {
  return { from, [Symbol.asyncIterator]: () => from(0)[Symbol.asyncIterator]() };
}

export function isReplayable(content: AsyncIterable<Uint8Array>): content is Replayable {
  return typeof (content as Partial<Replayable>).from === "function";
}
