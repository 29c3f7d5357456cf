/** An image or a stream of bytes out of the store: to a file that is whole or absent, to a folder, or to standard output. */
import { closeSync, constants, createWriteStream, openSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BuilderError } from "../../builder/errors.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
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
  await writeWholeFile(context, content, destination, onBytes);
}

/** Other images that are in the layout stay in it. */
async function writeLayout(store: Store, target: Descriptor, names: readonly string[], folder: string): Promise<void> {
  const [{ layoutContent, nameInLayout, noteInLayout }, { copyImage }, { copyReferrers }, { referrersOf }] = await Promise.all([
    import("../copy/layout.ts"),
    import("../../store/image/copy.ts"),
    import("../copy/copy-referrers.ts"),
    import("../../store/image/referrers.ts"),
  ]);
  await copyImage(store.blobs, layoutContent(folder), target, { isHere: async (descriptor) => await store.blobs.has(descriptor) });
  for (const name of names.length === 0 ? [undefined] : names) await nameInLayout(folder, name?.slice(name.lastIndexOf(":") + 1), target);
  await copyReferrers(
    { content: store.blobs, referrers: async (subject) => referrersOf(store, subject) },
    { content: layoutContent(folder), refer: async (_, referrer) => await noteInLayout(folder, referrer) },
    target,
  );
}

/** Written beside and renamed. What is no plain file (a pipe, /dev/null) is written as it is. @throws {BuilderError} `OUTPUT_FAILED` */
export async function writeWholeFile(
  { stdout, signal }: Context,
  content: AsyncIterable<Uint8Array>,
  destination: Destination,
  onBytes?: OnBytes,
): Promise<void> {
  const source = Readable.from(onBytes === undefined ? content : counted(content, onBytes), { objectMode: false });
  if (destination === undefined) {
    if (stdout.isTTY) throw new UsageError("Cannot write the output to a terminal: name a file with dest=FILE, or use a pipe");
    return await pipeline(source, stdout, { end: false, signal }); // it stays open for others
  }
  const { place, isPlain } = placeOf(destination);
  const fresh = isPlain ? `${place}.${process.pid}.part` : place;
  try {
    using _pipe = holdPipe(place);
    await pipeline(source, createWriteStream(fresh), { signal });
    if (isPlain) renameSync(fresh, place);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
    throw new BuilderError("OUTPUT_FAILED", `Cannot write the result to ${destination}: ${error.message}`, { cause: error });
  } finally {
    if (isPlain) rmSync(fresh, { force: true });
  }
}

async function* counted(content: AsyncIterable<Uint8Array>, onBytes: OnBytes): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    yield chunk;
    onBytes(chunk.length);
  }
}

/**
 * A named pipe that nobody reads is refused: opening it would wait, deaf to every signal. Held open, so that its reader does not see an end
 * before the writing begins. @throws `ENXIO`
 */
export function holdPipe(path: string): Disposable {
  const isPipe = statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
  const fd = isPipe ? openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) : undefined;
  return { [Symbol.dispose]: () => (fd === undefined ? undefined : closeSync(fd)) };
}

export interface FilePlace {
  readonly place: string;
  /** A plain file, or one that is to be: it can be replaced by another. */
  readonly isPlain: boolean;
}

/** Names of open files: another file in their place would not be what was opened. */
const STREAM = /^\/(?:proc\/|dev\/(?:stdout|stderr|fd\/))/;

/** Where a file is written that may be named through a link. */
export function placeOf(path: string): FilePlace {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { place: path, isPlain: true };
  return found.isFile() && !STREAM.test(path) ? { place: realpathSync(path), isPlain: true } : { place: path, isPlain: false };
}
