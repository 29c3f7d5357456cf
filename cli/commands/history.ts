/** strata history */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { historyCommand } from "../images/show-history.ts";

export function command(context: Context): Command {
  return historyCommand(context);
}
