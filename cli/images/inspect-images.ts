/** strata image inspect */
import { Command } from "commander";
import { parsePlatform } from "../../store/image/platform.ts";
import { StoreError } from "../../store/errors.ts";
import type { Platform } from "../../store/oci.ts";
import type { Image, Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { UsageError } from "../errors.ts";
import { renderStrict } from "../render-strict.ts";
import { inspectImage } from "./inspect-image.ts";
import { readAny } from "./read-any.ts";

interface Flags {
  readonly format?: string;
  readonly output?: string;
  readonly platform?: string;
}

export function inspectCommand(context: Context): Command {
  return new Command()
    .description("Show all there is to know of images")
    .argument("<image...>")
    .option("-f, --format <template>", "json or a Go template")
    .addOption(jsonOutput())
    .option("--platform <platform>", "of an index: os/architecture[/variant]")
    .action(async (names: readonly string[], flags: Flags) => await inspect(context, names, flags));
}

async function inspect(context: Context, names: readonly string[], { format, platform }: Flags): Promise<void> {
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  if (platform !== undefined && wanted === undefined) throw new UsageError(`invalid platform: ${JSON.stringify(platform)}`);
  const store = await context.store();
  const found: object[] = [];
  for (const name of names) {
    try {
      found.push(await inspectImage(store, await open(store, name, wanted)));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      context.stderr.write(`strata: ${error.message}\n`);
      process.exitCode = 1;
    }
  }
  if (format === undefined || format === "json") context.stdout.write(`${JSON.stringify(found, null, format === undefined ? 4 : 0)}\n`);
  else for (const image of found) context.stdout.write(`${await renderStrict(format, image)}\n`);
}

async function open(store: Store, name: string, wanted: Platform | undefined): Promise<Image> {
  const record = wanted === undefined ? await store.images.find(name) : undefined;
  return record === undefined ? await store.images.open(name, wanted) : await readAny(store, record);
}
