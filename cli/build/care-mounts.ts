/** `strata builder cache-mount ls|export|import|rm`. */
import { createWriteStream, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { exportMount, importMount, listMounts, removeMounts } from "../../builder/cache/cache-mounts.ts";
import { makeFolders } from "../../store/make-folders.ts";
import { ownedName } from "../../store/owner.ts";
import { ago } from "../containers/ages.ts";
import { printRows } from "../containers/print-rows.ts";
import type { Context } from "../context.ts";
import { decimalSize } from "../../store/decimal-size.ts";
import { writeWholeFile } from "../whole-file.ts";

const COLUMNS = [
  ["ID", "ID"],
  ["SIZE", "Size"],
  ["CREATED", "CreatedAt"],
  ["LAST USED", "LastUsed"],
] as const;

export interface ListFlags {
  readonly quiet?: boolean;
  readonly format?: string;
  readonly output?: string;
}

export async function list(context: Context, { quiet = false, format, output }: ListFlags): Promise<void> {
  const isTable = format === undefined && output === undefined;
  const when = (moment: number): string => (isTable ? ago(new Date(moment).toISOString(), Date.now()) : new Date(moment).toISOString());
  const rows = listMounts(await context.store()).map(({ id, size, made, at, path }) => ({
    ID: id,
    Size: decimalSize(size),
    CreatedAt: when(made),
    LastUsed: when(at),
    Path: path,
  }));
  await printRows(context, rows, COLUMNS, { quiet, key: "ID", format: format ?? output });
}

export async function exportTo(context: Context, id: string, file: string | undefined): Promise<void> {
  const tar = exportMount(await context.store(), id, context.programs.tree);
  if (file === undefined || file === "-") return await pipeline(Readable.from(tar), context.stdout, { end: false });
  await writeWholeFile(resolve(file), tar, context.signal);
}

export async function importFrom(context: Context, id: string, file: string): Promise<void> {
  const store = await context.store();
  if (file !== "-") return await importMount(store, id, resolve(file), context.signal);
  const scratch = join(context.runRoot, "build", ownedName());
  makeFolders(scratch, 0o700);
  try {
    const path = join(scratch, "tar");
    await pipeline(context.stdin, createWriteStream(path));
    await importMount(store, id, path, context.signal);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export async function remove(context: Context, ids: readonly string[]): Promise<void> {
  const store = await context.store();
  for (const id of ids) {
    await removeMounts(store, id);
    context.stdout.write(`${id}\n`);
  }
}
