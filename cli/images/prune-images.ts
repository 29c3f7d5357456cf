/** strata image prune: images without a name, or with --all those that no container was made of. */
import { Command } from "commander";
import { familiarName } from "../../store/reference.ts";
import type { ImageRecord, Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { decimalSize } from "./decimal-size.ts";
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
      for (const line of await pruneImages(store, all)) context.stdout.write(`${line}\n`);
      const { bytes } = await store.care.collect();
      context.stdout.write(`Total reclaimed space: ${decimalSize(bytes)}\n`);
    });
}

/** Docker's lines for what went. */
export async function pruneImages(store: Store, all: boolean): Promise<readonly string[]> {
  const used = imagesInUse(store);
  const lines: string[] = [];
  for (const record of await store.images.list()) {
    if (record.name !== undefined && !all) continue;
    if (await isUsed(store, record, used)) continue;
    const { untagged, deleted } = await store.images.remove(record.name ?? record.target.digest, { force: true });
    lines.push(...untagged.map((name) => `untagged: ${familiarName(name)}`), ...(deleted === undefined ? [] : [`deleted: ${deleted}`]));
  }
  return lines;
}

async function isUsed(store: Store, record: ImageRecord, used: ReadonlySet<string>): Promise<boolean> {
  const image = await store.images.read(record.target).catch(() => undefined);
  return image !== undefined && used.has(image.id);
}

export async function confirmed(context: Context, warning: string): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: context.stdin, output: context.stderr });
  const answer = await lines.question(`WARNING! ${warning}\nAre you sure you want to continue? [y/N] `, { signal: context.signal });
  lines.close();
  return /^y(?:es)?$/i.test(answer.trim());
}
