/** Content that is stored while it is passed on. */
import type { Digest } from "../../store/digest.ts";
import { RegistryError } from "../errors.ts";
import type { Content } from "../storage.ts";

/**
 * Yields what comes while it is stored. It is verified by the store and `keep` is done with it before the last chunk goes on: who has
 * read it whole finds it here. A reader that leaves early leaves nothing stored.
 */
export async function* storing(
  blobs: Content,
  coming: AsyncIterable<Uint8Array>,
  expected: { readonly digest: Digest; readonly size: number },
  keep: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const relay = new Relay();
  const stored = blobs.ingest(relay, expected);
  stored.catch(() => undefined); // awaited below, or moot
  let last: Uint8Array | undefined;
  try {
    for await (const chunk of coming) {
      if (last !== undefined) yield last;
      last = Uint8Array.from(chunk);
      await Promise.race([relay.push(last), stored]);
    }
    relay.end();
    await stored;
    await keep();
    if (last !== undefined) yield last;
  } finally {
    relay.fail(new RegistryError("UNREACHABLE", `Cannot keep ${expected.digest}: its reader went away`));
  }
}

/** One chunk at a time from a producer to a consumer. */
class Relay implements AsyncIterable<Uint8Array> {
  #chunk: Uint8Array | undefined;
  #ended: { readonly error?: Error } | undefined;
  #taken = (): void => {};
  #arrived = (): void => {};

  async push(chunk: Uint8Array): Promise<void> {
    this.#chunk = chunk;
    this.#arrived();
    await new Promise<void>((resolve) => (this.#taken = resolve));
  }

  end(): void {
    this.#ended ??= {};
    this.#arrived();
  }

  fail(error: Error): void {
    this.#ended ??= { error };
    this.#arrived();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunk;
      if (chunk !== undefined) {
        this.#chunk = undefined;
        yield chunk;
        this.#taken();
      } else if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return;
      } else await new Promise<void>((resolve) => (this.#arrived = resolve));
    }
  }
}
