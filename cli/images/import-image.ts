/** strata import, strata image import: a tar of a whole file system as an image of one layer. */
import { createReadStream } from "node:fs";
import { Command } from "commander";
import { hostPlatform } from "../../store/image/platform.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { collect } from "../collect.ts";
import type { Context } from "../context.ts";

interface Flags {
  readonly message?: string;
  readonly change: readonly string[];
}

export function importCommand(context: Context): Command {
  return new Command()
    .description("Make an image of a tar of files")
    .argument("<file>", "tar, packed or not, or - for standard input")
    .argument("[name]")
    .option("-c, --change <instruction>", "a Dockerfile instruction that changes its configuration", collect, [] as readonly string[])
    .option("-m, --message <text>", "comment in the history", "Imported from -")
    .action(async (file: string, name: string | undefined, flags: Flags) => await importImage(context, file, name, flags));
}

async function importImage(context: Context, file: string, name: string | undefined, { message = "", change }: Flags): Promise<void> {
  const { unpackStream } = await import("../../store/archive/unpack-stream.ts");
  const config = change.length === 0 ? {} : (await import("../../runtime/engine/changes.ts")).applyChanges({}, change); // refuses before anything is read
  const store = await context.store();
  const source = file === "-" ? context.stdin : createReadStream(file, { highWaterMark: 1 << 20 });
  const blob = await store.blobs.ingest(unpackStream(source as AsyncIterable<Uint8Array>));
  const layer = await store.snapshots.apply(undefined, { mediaType: MEDIA_TYPE.layerTar, ...blob }, blob.digest);
  const created = new Date().toISOString();
  const target = await store.images.assemble([layer], {
    ...hostPlatform(),
    created,
    config,
    rootfs: { type: "layers", diff_ids: [layer.diffID] },
    history: [{ created, comment: message }],
  });
  if (name === undefined) await store.images.keep(target);
  else await store.images.tag(name, target);
  context.stdout.write(`${(await store.images.read(target)).id}\n`);
}
