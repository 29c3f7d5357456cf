/** strata import */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { importCommand } from "../images/import-image.ts";

export function command(context: Context): Command {
  return importCommand(context);
}
