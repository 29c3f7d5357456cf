/** Content whose reader may lend its buffers: what is done with a chunk before it asks for the next spares a fresh one for each. */

export interface Lending extends AsyncIterable<Uint8Array> {
  /** From a byte on (only content that can be read again may be asked so), each chunk good only until the next one is asked for. */
  lend(offset?: number): AsyncIterable<Uint8Array>;
}

export function isLending(content: AsyncIterable<Uint8Array>): content is Lending {
  return typeof (content as Partial<Lending>).lend === "function";
}

/** For whoever keeps no chunk. */
export function lent(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return isLending(content) ? content.lend() : content;
}
