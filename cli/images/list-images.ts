/** strata images, strata image ls */
import { Command } from "commander";
import type { Image, ImageRecord, Store } from "../../store/store.ts";
import { StoreError } from "../../store/errors.ts";
import { printRows } from "../containers/print-rows.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { imageFilter } from "./image-filter.ts";
import { imageRow, type ImageRow } from "./image-row.ts";
import { imageSize } from "./image-size.ts";
import { madeAt } from "./made-at.ts";
import { repoDigests } from "../registry/pushed.ts";
import { idsByName } from "./ids-by-name.ts";
import { readAny } from "./read-any.ts";
import { collect } from "../collect.ts";

interface Flags {
  readonly all?: boolean;
  readonly quiet?: boolean;
  readonly digests?: boolean;
  readonly filter: readonly string[];
  readonly format?: string;
  readonly output?: string;
  readonly trunc: boolean;
}

const COLUMNS = [
  ["REPOSITORY", "Repository"],
  ["TAG", "Tag"],
  ["DIGEST", "Digest"],
  ["IMAGE ID", "ID"],
  ["CREATED", "CreatedSince"],
  ["SIZE", "Size"],
] as const;

export function listCommand(context: Context): Command {
  return new Command()
    .description("List images")
    .argument("[repository]", "only this repository, or repository:tag")
    .option("-a, --all", "accepted: there are no intermediate images")
    .option("-q, --quiet", "ids only")
    .option("--digests", "show digests")
    .option("-f, --filter <key=value>", "only those: dangling, reference, label, before, since", collect, [] as readonly string[])
    .option("--format <template>", "json, table or a Go template")
    .addOption(jsonOutput())
    .option("--no-trunc", "do not shorten ids")
    .action(async (repository: string | undefined, flags: Flags) => await list(context, repository, flags));
}

async function list(context: Context, repository: string | undefined, flags: Flags): Promise<void> {
  const store = await context.store();
  const matches = await imageFilter(store, repository, flags.filter);
  const records = [...(await store.images.list())].sort((a, b) => b.storedAt - a.storedAt);
  const found: Listed[] = [];
  for (const record of records) if (await matches(record)) found.push(await listed(store, record, flags.trunc));
  const named = found.some(({ name }) => name === undefined) ? new Set((await idsByName(store)).values()) : new Set();
  const shown = found.filter(({ name, id }) => name !== undefined || !named.has(id)); // an image is shown by its names where it has any
  const rows = shown.sort((a, b) => b.created - a.created).map(({ row }) => row);
  const unique = flags.quiet === true ? [...new Map(rows.map((row) => [row.ID, row])).values()] : rows;
  const columns = COLUMNS.filter(([, field]) => field !== "Digest" || flags.digests === true);
  await printRows(context, unique, columns, { quiet: flags.quiet ?? false, key: "ID", format: flags.format ?? flags.output });
}

interface Listed {
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly name: string | undefined;
  readonly id: Image["id"];
  readonly row: ImageRow;
}

/** An index of which no image is here has no config: it is shown by its own digest. */
async function listed(store: Store, record: ImageRecord, truncate: boolean): Promise<Listed> {
  const row = (id: Image["id"], size: number, created: string): Listed => ({
    created: Date.parse(created),
    name: record.name,
    id,
    row: imageRow(record, { id, size, created, repoDigests: repoDigests(store, id) }, { now: Date.now(), truncate }),
  });
  try {
    const image = await readAny(store, record);
    return row(image.id, await imageSize(store, image), madeAt(image.config.created, record.storedAt));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return row(record.target.digest, record.target.size, madeAt(undefined, record.storedAt));
  }
}
