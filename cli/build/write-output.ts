/** Writes a result outside the store: rootfs as folder or tar. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { rootfsTar, writeRootfs } from "../../builder/output/rootfs.ts";
import type { BuildResult } from "../../builder/request.ts";
import type { Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import type { Output } from "./outputs.ts";

export async function writeOutput(context: Context, store: Store, result: BuildResult, _names: readonly string[], output: Output): Promise<void> {
  if (output.kind === "image") return;
  if (output.kind === "local") await writeRootfs(store, result.chain, output.destination);
  else if (output.kind === "tar") await send(context, rootfsTar(store, result.chain), output.destination);
  else throw new UsageError(`Cannot use --output type=${output.format}: this builder does not have it yet`);
}

/** Standard output stays open for others. */
async function send(context: Context, content: AsyncIterable<Uint8Array>, destination: string | undefined): Promise<void> {
  if (destination !== undefined) await pipeline(Readable.from(content), createWriteStream(destination));
  else await pipeline(Readable.from(content), context.stdout, { end: false });
}
