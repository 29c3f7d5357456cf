/** strata history, strata image history: newest first, sizes from the layers. */
import { Command } from "commander";
import type { Image, Store } from "../../store/store.ts";
import { chainsOf } from "../../store/layer/chain.ts";
import { ago } from "../containers/ages.ts";
import { printRows } from "../containers/print-rows.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { decimalSize } from "../../store/decimal-size.ts";
import { madeAt } from "./made-at.ts";

interface Flags {
  readonly quiet?: boolean;
  readonly human: boolean;
  readonly trunc: boolean;
  readonly format?: string;
  readonly output?: string;
}

const COLUMNS = [
  ["IMAGE", "ID"],
  ["CREATED", "CreatedSince"],
  ["CREATED BY", "CreatedBy"],
  ["SIZE", "Size"],
  ["COMMENT", "Comment"],
] as const;
const SHORT_COMMAND = 45;

export function historyCommand(context: Context): Command {
  return new Command()
    .description("Show the history of an image")
    .argument("<image>")
    .option("-q, --quiet", "ids only")
    .option("-H, --human", "sizes and dates for people", true)
    .option("--no-human", "bytes and dates as they are")
    .option("--format <template>", "json, table or a Go template")
    .addOption(jsonOutput())
    .option("--no-trunc", "do not shorten")
    .action(async (name: string, flags: Flags) => {
      const store = await context.store();
      const rows = await historyRows(store, await store.images.open(name), flags);
      await printRows(context, rows, COLUMNS, { quiet: flags.quiet ?? false, key: "ID", format: flags.format ?? flags.output });
    });
}

async function historyRows(store: Store, image: Image, { human, trunc, format, output }: Flags): Promise<object[]> {
  const sizes = await layerSizes(store, image);
  const shown = (size: number): string => (human ? decimalSize(size) : String(size));
  const isTable = format === undefined && output === undefined;
  const command = (by: string): string => {
    const text = trunc || isTable ? by.replace(/\s+/g, " ") : by; // a heredoc has lines, a row has one
    return trunc && text.length > SHORT_COMMAND ? `${text.slice(0, SHORT_COMMAND - 1)}…` : text;
  };
  const entries = image.config.history ?? image.manifest.layers.map(() => ({}));
  const rows = entries.map((entry, index) => {
    const { created: date, created_by: by = "", comment = "", empty_layer: isEmpty = false } = entry as NonNullable<Image["config"]["history"]>[number];
    const created = date === undefined ? "" : madeAt(date, image.storedAt);
    return {
      ID: index === entries.length - 1 ? (trunc ? image.id.slice(7, 19) : image.id) : "<missing>",
      CreatedSince: created === "" ? "N/A" : human ? ago(created, Date.now()) : created,
      CreatedAt: created,
      CreatedBy: command(by),
      Size: shown(isEmpty ? 0 : (sizes.shift() ?? 0)),
      Comment: comment,
    };
  });
  return rows.reverse();
}

async function layerSizes(store: Store, image: Image): Promise<number[]> {
  const chains = chainsOf(image.config.rootfs.diff_ids);
  return await Promise.all(chains.map(async (chain, index) => (await store.snapshots.get(chain))?.size ?? image.manifest.layers[index]?.size ?? 0));
}
