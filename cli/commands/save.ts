/** strata save */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { saveCommand } from "../images/save-images.ts";

export function command(context: Context): Command {
  return saveCommand(context);
}
