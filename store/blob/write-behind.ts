/** Writes what has come while the last write was under way: blocks as large as the disk is slow, and nothing waits to be written. */

/** Two of these for each upload: one fills, one is written. The second is made when it is needed: an upload that stands still has one. */
const BLOCK_BYTES = 128 << 10;

/** `write` may use a block until its promise settles. When the content fails, what came before it is written first. */
export async function writeBehind(content: AsyncIterable<Uint8Array>, write: (block: Uint8Array) => Promise<void>): Promise<void> {
  let filling: Buffer | undefined;
  let spare: Buffer | undefined;
  let used = 0;
  let flight: Promise<void> | undefined;
  let emptied = (): void => {};
  const flush = async (): Promise<void> => {
    while (used > 0 && filling !== undefined) {
      const block = filling.subarray(0, used);
      [filling, spare] = [spare, filling];
      used = 0;
      emptied();
      await write(block);
    }
    flight = undefined;
  };
  try {
    for await (const chunk of content) {
      for (let at = 0; at < chunk.length;) {
        const count = Math.min(chunk.length - at, BLOCK_BYTES - used);
        filling ??= Buffer.allocUnsafeSlow(BLOCK_BYTES);
        filling.set(chunk.subarray(at, at + count), used);
        used += count;
        at += count;
        flight ??= flush();
        flight.catch(() => {}); // awaited below
        if (used === BLOCK_BYTES) await Promise.race([flight, new Promise<void>((resolve) => (emptied = resolve))]);
      }
    }
  } finally {
    await flight;
  }
}
