/** A layer that is packed for the first time can be read while it grows: whoever sends it need not wait for its end, nor read what it is made of. */
import { open, type FileHandle } from "node:fs/promises";
import { BlobWriter } from "../blob/writer.ts";
import { lent } from "../lent.ts";
import type { Layout } from "../layout.ts";
import type { Descriptor } from "../oci.ts";
import type { ChainID } from "../store.ts";
import type { GrowingBlob, Stored } from "../content.ts";
import { knownBlob, packedTar, rememberBlob } from "./blob.ts";
import type { SnapshotHost } from "./host.ts";

const CHUNK_BYTES = 128 << 10;

/** As gzip, at the usual level. */
export async function packLayer(host: SnapshotHost, chain: ChainID): Promise<Descriptor | GrowingBlob> {
  const known = await knownBlob(host, chain, "gzip");
  if (known !== undefined) return known;
  host.begin();
  return await Growing.begin(host.layout, packedTar(host, chain, "gzip"), async (stored) => await rememberBlob(host, chain, "gzip", stored));
}

class Growing implements GrowingBlob {
  readonly path: string;
  readonly digest: Promise<Stored>;
  readonly whole: Promise<Descriptor>;
  readonly #reader: FileHandle;
  #size = 0;
  #isWhole = false;
  /** Nothing more is written. */
  #isOver = false;
  #isLeft = false;
  #waiting: (() => void)[] = [];

  private constructor(reader: FileHandle, writer: BlobWriter, content: AsyncIterable<Uint8Array>, remember: (stored: Stored) => Promise<Descriptor>) {
    this.#reader = reader;
    this.path = `/proc/self/fd/${reader.fd}`;
    let known: (stored: Stored) => void = () => {};
    const digest = new Promise<Stored>((resolve) => (known = resolve));
    this.whole = this.#write(writer, content, known).then(remember);
    this.digest = Promise.race([digest, this.whole]);
    for (const promise of [this.digest, this.whole]) promise.catch(() => {}); // for whoever asks
  }

  static async begin(layout: Layout, content: AsyncIterable<Uint8Array>, remember: (stored: Stored) => Promise<Descriptor>): Promise<Growing> {
    const writer = await BlobWriter.open(layout, "sha256");
    try {
      return new Growing(await open(writer.path), writer, content, remember);
    } catch (error) {
      await writer[Symbol.asyncDispose]();
      throw error;
    }
  }

  async reach(known: number): Promise<number> {
    while (this.#size <= known && !this.#isOver) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#isOver && !this.#isWhole) await this.whole; // it failed
    return this.#size;
  }

  async *from(offset: number): AsyncGenerator<Uint8Array> {
    for (let at = offset; ;) {
      const end = await this.reach(at);
      if (end <= at) return;
      while (at < end) {
        const { bytesRead, buffer } = await this.#reader.read(Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at)), { position: at });
        if (bytesRead === 0) throw new Error(`Cannot read ${this.path}: it became shorter`);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    }
  }

  /** What is not whole yet is given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isLeft = true;
    await this.whole.catch(() => {});
    await this.#reader.close();
  }

  async #write(opened: BlobWriter, content: AsyncIterable<Uint8Array>, known: (stored: Stored) => void): Promise<Stored> {
    await using writer = opened;
    try {
      for await (const chunk of lent(content)) {
        if (this.#isLeft) throw new Error("Cannot go on packing: nobody waits for it");
        await writer.write(chunk);
        this.#size = writer.size;
        this.#wake();
      }
      this.#isWhole = true;
    } finally {
      this.#isOver = true;
      this.#wake();
    }
    return await writer.commit({}, known);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
