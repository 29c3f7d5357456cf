/** strata images */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { listCommand } from "../images/list-images.ts";

export function command(context: Context): Command {
  return listCommand(context);
}
