/** strata tag */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { tagCommand } from "../images/tag-image.ts";

export function command(context: Context): Command {
  return tagCommand(context);
}
