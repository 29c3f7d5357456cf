/** strata rmi, strata image rm: what docker prints, and the content goes too when nothing else holds it. */
import { Command } from "commander";
import { StoreError } from "../../store/errors.ts";
import { familiarName } from "../../store/reference.ts";
import type { Context } from "../context.ts";
import { forgottenDigests } from "./forgotten-digests.ts";
import { removeUsed } from "./remove-used.ts";

interface Flags {
  readonly force?: boolean;
  readonly prune: boolean;
}

export function removeCommand(context: Context): Command {
  return new Command()
    .description("Remove images")
    .argument("<image...>")
    .option("-f, --force", "also with several names, also when a container was made of it, no error when there is none")
    .option("--no-prune", "keep the content for later")
    .action(async (images: readonly string[], flags: Flags) => await remove(context, images, flags));
}

async function remove(context: Context, images: readonly string[], { force = false, prune }: Flags): Promise<void> {
  const store = await context.store();
  for (const reference of images) {
    try {
      const { id, untagged, deleted } = (await removeUsed(context, reference, force)) ?? (await store.images.remove(reference, { force }));
      const digests = await forgottenDigests(store, id, untagged);
      for (const name of [...untagged, ...digests]) context.stdout.write(`Untagged: ${familiarName(name)}\n`);
      if (deleted !== undefined) context.stdout.write(`Deleted: ${deleted}\n`);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (force && error.code === "IMAGE_UNKNOWN") continue;
      context.stderr.write(`strata: ${error.message}${error.hint === undefined ? "" : `\n${error.hint}`}\n`);
      process.exitCode = 1;
    }
  }
  if (prune) await store.care.collect();
}
