/** strata rmi, strata image rm: what docker prints, and the content goes too when nothing else holds it. */
import { Command } from "commander";
import { StoreError } from "../../store/errors.ts";
import { familiarName } from "../../store/reference.ts";
import type { Context } from "../context.ts";

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
      if (!force) await refuseUsed(context, reference);
      const { untagged, deleted } = await store.images.remove(reference, { force });
      for (const name of untagged) context.stdout.write(`Untagged: ${familiarName(name)}\n`);
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

/** Only the last name of an image that a container was made of is refused. @throws {StoreError} `IMAGE_IN_USE` */
async function refuseUsed(context: Context, reference: string): Promise<void> {
  const store = await context.store();
  const record = await store.images.find(reference);
  if (record === undefined) return;
  const names = (await store.images.list()).filter(({ target }) => target.digest === record.target.digest);
  if (names.length > 1) return;
  const { id } = await store.images.read(record.target).catch(() => ({ id: undefined }));
  const containers = store.table<{ readonly name: string; readonly imageID: string }>("runtime.containers").list();
  const user = containers.find(([, container]) => container.imageID === id);
  if (user === undefined) return;
  throw new StoreError("IMAGE_IN_USE", `Cannot remove image ${reference}: container ${user[1].name} was made of it`, {
    hint: "Remove the container first, or use --force",
  });
}
