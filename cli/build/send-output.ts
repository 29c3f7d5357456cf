/** An image or a stream of bytes out of the store: to a file that is whole or absent, to a folder, or to standard output. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Descriptor } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { writeWholeFile } from "../whole-file.ts";
import type { Destination } from "./outputs.ts";

/** Told how many bytes more were written. */
export type OnBytes = (bytes: number) => void;

interface ArchivePlace {
  readonly destination: Destination;
  readonly isFolder: boolean;
}

/** Names are canonical. One tar is both: an OCI archive and a docker archive. */
export async function sendArchive(
  { context, store, onBytes }: { readonly context: Context; readonly store: Store; readonly onBytes?: OnBytes },
  target: Descriptor,
  names: readonly string[],
  { destination, isFolder }: ArchivePlace,
): Promise<void> {
  if (isFolder && destination !== undefined) return await writeLayout(store, target, names, destination);
  const [{ saveImages }, { referrersOf }] = await Promise.all([import("../../store/archive/save.ts"), import("../../store/image/referrers.ts")]);
  const images = names.length === 0 ? [{ name: undefined, target }] : names.map((name) => ({ name, target }));
  const content = saveImages(store.blobs, images, (subject) => referrersOf(store, subject));
  await writeResult(context, content, destination, onBytes);
}

/** Other images that are in the layout stay in it. */
async function writeLayout(store: Store, target: Descriptor, names: readonly string[], folder: string): Promise<void> {
  const [{ nameInLayout, noteInLayout, openLayoutSink }, { copyImage }, { copyReferrers }, { referrersOf }] = await Promise.all([
    import("../copy/layout.ts"),
    import("../../store/image/copy.ts"),
    import("../copy/copy-referrers.ts"),
    import("../../store/image/referrers.ts"),
  ]);
  const sink = await openLayoutSink(folder);
  await copyImage(store.blobs, sink, target, { isHere: async (descriptor) => await store.blobs.has(descriptor) });
  for (const name of names.length === 0 ? [undefined] : names) await nameInLayout(folder, name?.slice(name.lastIndexOf(":") + 1), target);
  await copyReferrers(
    { content: store.blobs, referrers: async (subject) => referrersOf(store, subject) },
    { content: sink, refer: async (_, referrer) => await noteInLayout(folder, referrer) },
    target,
  );
}

/** To the file, or to standard output. @throws {OutputError} */
export async function writeResult({ stdout, signal }: Context, content: AsyncIterable<Uint8Array>, destination: Destination, onBytes?: OnBytes): Promise<void> {
  const source = onBytes === undefined ? content : counted(content, onBytes);
  if (destination !== undefined) return await writeWholeFile(destination, source, signal);
  if (stdout.isTTY) throw new UsageError("Cannot write the output to a terminal: name a file with dest=FILE, or use a pipe");
  await pipeline(Readable.from(source, { objectMode: false }), stdout, { end: false, signal }); // it stays open for others
}

async function* counted(content: AsyncIterable<Uint8Array>, onBytes: OnBytes): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    yield chunk;
    onBytes(chunk.length);
  }
}
