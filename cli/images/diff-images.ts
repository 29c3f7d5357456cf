/** strata image diff: what each layer of an image adds, changes and hides, or in what two images differ. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";

interface Flags {
  readonly output?: "json";
}

export function diffCommand(context: Context): Command {
  return new Command()
    .description("Show layer by layer what an image adds, changes and hides, and the bytes wasted by that; or in what two images differ")
    .argument("<image>")
    .argument("[other]")
    .addOption(jsonOutput())
    .action(async (name: string, other: string | undefined, { output }: Flags) => {
      const [{ describeImage, compareImages }, { imageLines, differenceLines }] = await Promise.all([
        import("./describe-layers.ts"),
        import("./print-diff.ts"),
      ]);
      const store = await context.store();
      const image = await store.images.open(name);
      if (other === undefined) {
        const described = await describeImage(store, image, name);
        return write(context, output === "json" ? [JSON.stringify(described)] : imageLines(described));
      }
      const difference = await compareImages(store, [image, await store.images.open(other)], [name, other]);
      write(context, output === "json" ? [JSON.stringify(difference)] : differenceLines(difference));
    });
}

function write(context: Context, lines: Iterable<string>): void {
  for (const line of lines) context.stdout.write(`${line}\n`);
}
