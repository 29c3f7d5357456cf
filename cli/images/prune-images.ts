/** strata image prune: images without a name, or with --all those that no container was made of. */
import { Command } from "commander";
import { familiarName } from "../../store/reference.ts";
import type { ImageRecord, Store } from "../../store/store.ts";
import { confirmed } from "../ask.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { printDeleted, printReclaimed } from "../containers/print-deleted.ts";
import { forgottenDigests } from "./forgotten-digests.ts";
import { imagesInUse } from "./images-in-use.ts";

interface Flags {
  readonly all?: boolean;
  readonly force?: boolean;
}

export function pruneCommand(context: Context): Command {
  return new Command()
    .description("Remove images without a name")
    .option("-a, --all", "all that no container was made of")
    .option("-f, --force", "do not ask")
    .action(async ({ all = false, force = false }: Flags) => {
      if (!force && !context.stdin.isTTY) throw new UsageError("say --force: there is nobody to ask");
      if (!force && !(await confirmed(context, `This will remove ${all ? "all images that no container was made of" : "all images without a name"}.`))) return;
      const store = await context.store();
      printDeleted(context.stdout, "Images", await pruneImages(store, all));
      const { bytes } = await store.care.collect();
      printReclaimed(context.stdout, bytes);
    });
}

/** Docker's lines for what went. */
export async function pruneImages(store: Store, all: boolean): Promise<readonly string[]> {
  const used = imagesInUse(store);
  const lines: string[] = [];
  for (const record of await store.images.list()) {
    if (record.name !== undefined && !all) continue;
    if (await isUsed(store, record, used)) continue;
    const reference = record.name ?? record.target.digest;
    if ((await store.images.find(reference)) === undefined) continue; // it went with the last name of its image
    const { id, untagged, deleted } = await store.images.remove(reference, { force: true });
    const names = [...untagged, ...(await forgottenDigests(store, id, untagged))];
    lines.push(...names.map((name) => `untagged: ${familiarName(name)}`), ...(deleted === undefined ? [] : [`deleted: ${deleted}`]));
  }
  return lines;
}

async function isUsed(store: Store, record: ImageRecord, used: ReadonlySet<string>): Promise<boolean> {
  const image = await store.images.read(record.target).catch(() => undefined);
  return image !== undefined && used.has(image.id);
}
