/** strata export CONTAINER: its files as a tar. */
import { createWriteStream, lstatSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command } from "commander";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Write a container's files as a tar")
    .option("-o, --output <file>", "instead of standard output")
    .argument("<container>")
    .action(async (name: string, flags: { readonly output?: string }) => {
      if (flags.output === undefined && context.stdout.isTTY) throw new UsageError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
      const engine = await context.engine();
      const tar = Readable.from(engine.copyOut(name, "/", { own: true }));
      if (flags.output === undefined) await pipeline(tar, context.stdout, { end: false });
      else await writeTo(flags.output, tar);
    });
}

/** A file that is not whole is not left behind. */
async function writeTo(path: string, tar: Readable): Promise<void> {
  try {
    await pipeline(tar, createWriteStream(path));
  } catch (error) {
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === true) rmSync(path);
    throw error;
  }
}
