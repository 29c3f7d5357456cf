/** strata tag, strata image tag */
import { Command } from "commander";
import { StoreError } from "../../store/errors.ts";
import { familiarName, parseReference } from "../../store/reference.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";

export function tagCommand(context: Context): Command {
  return new Command()
    .description("Give an image another name")
    .argument("<source>", "name or id")
    .argument("<name>", "name with optional tag")
    .action(async (source: string, name: string) => {
      const store = await context.store();
      if (parseReference(name).digest !== undefined) throw new UsageError("a tag cannot be given by digest");
      const record = await store.images.find(source);
      if (record === undefined) throw new StoreError("IMAGE_UNKNOWN", `No such image: ${familiarName(parseReference(source).name)}`);
      await store.images.tag(name, record.target);
    });
}
