/** strata save, strata image save: a tar that skopeo, podman and docker read, as an OCI archive or as docker's. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command, Option } from "commander";
import { StoreError } from "../../store/errors.ts";
import type { Compression } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { writeWholeFile } from "../whole-file.ts";

interface Flags {
  readonly output?: string;
  readonly compression: Compression;
  readonly referrers: boolean;
}

export function saveCommand(context: Context): Command {
  return new Command()
    .description("Write images into a tar archive")
    .argument("<image...>")
    .option("-o, --output <file>", "instead of standard output")
    .option("--no-referrers", "leave out what is attached to them: SBOMs, provenance, signatures")
    .addOption(new Option("--compression <kind>", "of layers that were built here").choices(["none", "gzip", "zstd"]).default("none"))
    .action(async (images: readonly string[], flags: Flags) => await save(context, images, flags));
}

async function save(context: Context, images: readonly string[], { output, compression, referrers }: Flags): Promise<void> {
  if (output === undefined && context.stdout.isTTY) throw new UsageError("cowardly refusing to save to a terminal: use -o FILE or a pipe");
  const [{ saveImages }, { exportableImage }, { referrersOf }] = await Promise.all([
    import("../../store/archive/save.ts"),
    import("../../store/image/exportable.ts"),
    import("../../store/image/referrers.ts"),
  ]);
  const store = await context.store();
  const saved = [];
  for (const reference of images) {
    const record = await store.images.find(reference);
    if (record === undefined) throw new StoreError("IMAGE_UNKNOWN", `No such image: ${reference}`);
    saved.push({ name: record.name, target: await exportableImage(store, record.target, { compression }) });
  }
  const archive = saveImages(store.blobs, saved, (subject) => (referrers ? referrersOf(store, subject) : []));
  if (output !== undefined) await writeWholeFile(output, archive, context.signal);
  else await pipeline(Readable.from(archive, { objectMode: false }), context.stdout, { signal: context.signal, end: false });
}
