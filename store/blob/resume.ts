/** A blob from a place that may break off: what came before it did is kept, and the next time, in whatever process, goes on from there. */
import { StoreError } from "../errors.ts";
import type { Layout } from "../layout.ts";
import { isLending } from "../lent.ts";
import type { Descriptor } from "../oci.ts";
import type { Resumable } from "../content.ts";
import { BlobWriter } from "./writer.ts";

export function isResumable(content: AsyncIterable<Uint8Array> | undefined): content is Resumable {
  return typeof (content as Partial<Resumable> | undefined)?.passes === "function";
}

/** What a writer lacks. */
export interface Missing extends AsyncIterable<Uint8Array> {
  /** All of it into the writer; false where it has to be read. Absent where that is known. */
  readonly fill?: () => Promise<boolean>;
}

/** `receive` gets what is missing and commits. What had been kept and turns out to be wrong goes: once more, at last from the first byte. */
export async function resuming<Result>(
  layout: Layout,
  descriptor: Descriptor,
  content: Resumable,
  receive: (writer: BlobWriter, missing: Missing) => Promise<Result>,
): Promise<Result> {
  for (;;) {
    await using writer = await BlobWriter.resume(layout, descriptor);
    const isBegun = writer.size > 0;
    try {
      return await receive(writer, missingOf(writer, descriptor, content));
    } catch (error) {
      if (!isBegun || !isWrong(error)) throw error;
    }
  }
}

function missingOf(writer: BlobWriter, descriptor: Descriptor, content: Resumable): Missing {
  const reading = { [Symbol.asyncIterator]: () => read(writer, descriptor, content) };
  const fill = content.fill?.bind(content);
  if (fill === undefined || writer.size > 0) return reading;
  return {
    ...reading,
    fill: async () => {
      try {
        return await writer.fill(fill);
      } catch (error) {
        if (content.passes(error)) writer.keep();
        throw error;
      }
    },
  };
}

async function* read(writer: BlobWriter, { size }: Descriptor, content: Resumable): AsyncGenerator<Uint8Array> {
  if (writer.size > 0 && writer.size === size) return;
  try {
    yield* isLending(content) ? content.lend(writer.size) : content.from(writer.size); // written before the next is asked for
  } catch (error) {
    if (content.passes(error)) writer.keep();
    throw error;
  }
}

function isWrong(error: unknown): boolean {
  return error instanceof StoreError && (error.code === "DIGEST_MISMATCH" || error.code === "SIZE_MISMATCH");
}
