/** strata load, strata image load: images out of an OCI or docker archive. */
import { Command } from "commander";
import { chainsOf } from "../../store/layer/chain.ts";
import { familiarName } from "../../store/reference.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { readArchive } from "./read-archive.ts";

interface Flags {
  readonly input?: string;
  readonly quiet?: boolean;
}

export function loadCommand(context: Context): Command {
  return new Command()
    .description("Read images from a tar archive")
    .option("-i, --input <file>", "instead of standard input")
    .option("-q, --quiet", "say nothing but what was loaded")
    .action(async (flags: Flags) => await load(context, flags));
}

async function load(context: Context, { input }: Flags): Promise<void> {
  if (input === undefined && context.stdin.isTTY) throw new UsageError("requested load from stdin, but stdin is a terminal: use -i FILE");
  const [{ loadImages }, { addReferrer }] = await Promise.all([import("../../store/archive/load.ts"), import("../../store/image/referrers.ts")]);
  const store = await context.store();
  await using arrival = (await import("../../store/care/arrival.ts")).openArrival(store);
  const source = input === undefined ? (context.stdin as AsyncIterable<Uint8Array>) : readArchive(input);
  const images = await loadImages(arrival.blobs, source, {
    onReferrer: async (subject, referrer) => await addReferrer(store, subject, referrer),
    ...(input === undefined ? {} : { called: input }),
  });
  for (const { name, target } of images) {
    const image = await store.images.read(target);
    await arrival.expect({ chains: chainsOf(image.config.rootfs.diff_ids) });
    await store.images.unpack(image);
    await arrival.confirm();
    if (name === undefined) await store.images.keep(target);
    else await store.images.tag(name, target);
    context.stdout.write(name === undefined ? `Loaded image ID: ${image.id}\n` : `Loaded image: ${familiarName(name)}\n`);
  }
}
