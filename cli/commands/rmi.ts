/** strata rmi */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { removeCommand } from "../images/remove-images.ts";

export function command(context: Context): Command {
  return removeCommand(context);
}
