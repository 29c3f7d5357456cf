/** Writes what has come while the last write was under way: blocks as large as the disk is slow, and nothing waits to be written. */

/** Bytes that may wait: the sender is held back beyond it. */
const MAX_WAITING_BYTES = 1 << 20;

/** When the content fails, what came before it is written first. */
export async function writeBehind(content: AsyncIterable<Uint8Array>, write: (block: Uint8Array) => Promise<void>): Promise<void> {
  let chunks: Uint8Array[] = [];
  let length = 0;
  let flight: Promise<void> | undefined;
  const flush = async (): Promise<void> => {
    while (length > 0) {
      const block = chunks.length === 1 ? (chunks[0] ?? new Uint8Array()) : Buffer.concat(chunks, length);
      chunks = [];
      length = 0;
      await write(block);
    }
    flight = undefined;
  };
  try {
    for await (const chunk of content) {
      if (chunk.length === 0) continue;
      chunks.push(chunk);
      length += chunk.length;
      flight ??= flush();
      flight.catch(() => {}); // awaited below
      if (length >= MAX_WAITING_BYTES) await flight;
    }
  } finally {
    await flight;
  }
}
