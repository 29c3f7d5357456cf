/** strata registry: serve one, and look into any. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { addBrowseCommands } from "../registry/browse.ts";
import { addCareCommands } from "../registry/care.ts";
import { serveCommand } from "../registry/serve.ts";

export function command(context: Context): Command {
  const registry = new Command().description("Serve a registry, and look into one");
  registry.addCommand(serveCommand(context));
  addBrowseCommands(registry, context);
  addCareCommands(registry, context);
  return registry;
}
