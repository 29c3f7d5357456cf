/** strata export CONTAINER: its files as a tar. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command } from "commander";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { writeWholeFile } from "../whole-file.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Write a container's files as a tar")
    .option("-o, --output <file>", "instead of standard output")
    .argument("<container>")
    .action(async (name: string, flags: { readonly output?: string }) => {
      if (flags.output === undefined && context.stdout.isTTY) throw new UsageError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
      const engine = await context.engine();
      const tar = engine.copyOut(name, "/", { own: true });
      if (flags.output !== undefined) await writeWholeFile(flags.output, tar, context.signal);
      else await pipeline(Readable.from(tar), context.stdout, { end: false });
    });
}
