/** strata load */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { loadCommand } from "../images/load-images.ts";

export function command(context: Context): Command {
  return loadCommand(context);
}
