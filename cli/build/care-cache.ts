/** `strata builder prune` and `du`, with docker's flags and columns. */
import { cacheBytes, planPrune, type CacheEntry } from "../../builder/cache/prune-plan.ts";
import { parseBytes } from "../../builder/plan/mount.ts";
import { listCache, pruneCache } from "../../builder/solve/prune-cache.ts";
import { ago } from "../containers/ages.ts";
import { printRows } from "../containers/print-rows.ts";
import type { Context } from "../context.ts";
import { readDuration } from "../duration.ts";
import { UsageError } from "../errors.ts";
import { decimalSize } from "../../store/decimal-size.ts";
import { confirmed } from "../ask.ts";

export interface PruneFlags {
  readonly all?: boolean;
  readonly force?: boolean;
  readonly filter: readonly string[];
  readonly keepStorage?: string;
  readonly reservedSpace?: string;
  readonly maxUsedSpace?: string;
}

export interface UsageFlags {
  readonly filter: readonly string[];
  readonly format?: string;
  readonly output?: string;
}

const COLUMNS = [
  ["ID", "ID"],
  ["TYPE", "Type"],
  ["RECLAIMABLE", "Reclaimable"],
  ["SIZE", "Size"],
  ["LAST ACCESSED", "LastAccessed"],
  ["DESCRIPTION", "Description"],
] as const;

export async function prune(context: Context, flags: PruneFlags): Promise<void> {
  const { all = false, force = false } = flags;
  const limits = [flags.keepStorage, flags.reservedSpace, flags.maxUsedSpace].flatMap((text) => (text === undefined ? [] : [parseBytes(text)]));
  const options = { all, before: before(flags.filter), keep: limits.length === 0 ? undefined : Math.max(...limits) };
  if (!force && !context.stdin.isTTY) throw new UsageError("say --force: there is nobody to ask");
  if (
    !force &&
    !(await confirmed(
      context,
      `This will remove ${all ? "all" : "all unused"} build cache${limits.length + flags.filter.length > 0 ? " that the flags name" : ""}.`,
    ))
  )
    return;
  const { entries, bytes } = await pruneCache(await context.store(), options);
  for (const { id, kind, description } of entries) context.stdout.write(`${kind === "mount" ? `cache mount ${description}` : shortId(id)}\n`);
  context.stdout.write(`Total:\t${decimalSize(bytes)}\n`);
}

export async function du(context: Context, { filter, format, output }: UsageFlags): Promise<void> {
  const entries = await listCache(await context.store());
  const shown = filter.length === 0 ? entries : planPrune(entries, { before: before(filter), all: true });
  const isTable = format === undefined && output === undefined;
  const rows = [...shown].sort((a, b) => b.size - a.size || (a.id < b.id ? -1 : 1)).map((entry) => row(entry, isTable));
  await printRows(context, rows, COLUMNS, { quiet: false, key: "ID", format: format ?? output });
  if (!isTable) return;
  const total = shown.reduce((sum, { size }) => sum + size, 0);
  context.stdout.write(`Reclaimable:\t${decimalSize(cacheBytes(shown))}\nTotal:\t\t${decimalSize(total)}\n`);
}

function row(entry: CacheEntry, isTable: boolean): Readonly<Record<string, string>> {
  const { id, kind, size, isShared, made, at, description } = entry;
  return {
    ID: kind === "mount" ? (id.split("/").at(-1) ?? id) : shortId(id),
    Type: kind === "mount" ? "exec.cachemount" : "regular",
    Reclaimable: String(!isShared),
    Size: decimalSize(size),
    LastAccessed: isTable ? ago(new Date(at).toISOString(), Date.now()) : new Date(at).toISOString(),
    CreatedAt: new Date(made).toISOString(),
    Description: description,
  };
}

function shortId(id: string): string {
  return id.replace(/^sha\d+:/, "").slice(0, 25);
}

/** @throws {UsageError} */
function before(filters: readonly string[]): number | undefined {
  let oldest: number | undefined;
  for (const filter of filters) {
    const age = /^(?:until|unused-for)=(.+)$/.exec(filter)?.[1];
    if (age === undefined) throw new UsageError(`Cannot use --filter ${filter}: expected until=DURATION`);
    const duration = readDuration(age);
    oldest = duration === Infinity ? Date.now() : Date.now() - duration; // 0s is now
  }
  return oldest;
}
