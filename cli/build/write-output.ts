/** Writes a result outside the store: the whole image as an archive, its files as folder or tar. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { rootfsTar, writeRootfs } from "../../builder/output/rootfs.ts";
import type { BuildResult } from "../../builder/request.ts";
import type { Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import type { Output } from "./outputs.ts";

export async function writeOutput(context: Context, store: Store, result: BuildResult, names: readonly string[], output: Output): Promise<void> {
  if (output.kind === "image") return;
  if (output.kind === "local") await writeRootfs(store, result.chain, output.destination);
  else if (output.kind === "tar") await send(context, rootfsTar(store, result.chain), output.destination);
  else await send(context, await archive(store, result, names), output.destination);
}

/** One tar is both: an OCI archive and a docker archive. */
async function archive(store: Store, { target }: BuildResult, names: readonly string[]): Promise<AsyncIterable<Uint8Array>> {
  const { saveImages } = await import("../../store/archive/save.ts");
  return saveImages(store.blobs, names.length === 0 ? [{ name: undefined, target }] : names.map((name) => ({ name, target })));
}

/** Standard output stays open for others. */
async function send(context: Context, content: AsyncIterable<Uint8Array>, destination: string | undefined): Promise<void> {
  if (destination !== undefined) await pipeline(Readable.from(content), createWriteStream(destination));
  else await pipeline(Readable.from(content), context.stdout, { end: false });
}
