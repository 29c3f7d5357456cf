/** Content that is read ahead, whole, while what stands before it is still being taken. It is for parts of a known, small size. */

export interface Prefetched extends AsyncIterable<Uint8Array> {
  /** Resolves when all of it is there, or as much as there will be. */
  readonly settled: Promise<void>;
}

/** Begins at once. A failure is told where it happened: after the bytes before it. */
export function prefetch(content: AsyncIterable<Uint8Array>): Prefetched {
  const chunks: Uint8Array[] = [];
  let end: { readonly error?: unknown } | undefined;
  let wake = (): void => {};
  const run = async (): Promise<void> => {
    try {
      for await (const chunk of content) {
        chunks.push(chunk);
        wake();
      }
      end = {};
    } catch (error) {
      end = { error };
    }
    wake();
  };
  return {
    settled: run(),
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk !== undefined) yield chunk;
        else if (end === undefined) await new Promise<void>((resolve) => (wake = resolve));
        else if ("error" in end) throw end.error;
        else return;
      }
    },
  };
}
