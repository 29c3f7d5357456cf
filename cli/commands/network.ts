/** strata network connect|create|check|disconnect|ls|inspect|rm|prune */
import { Command } from "commander";
import { forEach } from "../containers/each.ts";
import { printDeleted } from "../containers/print-deleted.ts";
import { pruneFilter } from "../containers/prune-filter.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { confirmed } from "../ask.ts";
import { checkCommand, connectCommand, disconnectCommand } from "../networks/connect-network.ts";
import { createCommand } from "../networks/create-network.ts";
import { describeNetwork } from "../networks/inspect-network.ts";
import { listCommand } from "../networks/list-networks.ts";
import { pruneNetworks } from "../networks/prune-networks.ts";
import { removeNetwork } from "../networks/remove-network.ts";
import { inspectEach } from "./inspect.ts";
import { collect } from "../collect.ts";

export function command(context: Context): Command {
  const group = new Command().description("Manage networks");
  for (const part of [connectCommand, createCommand, checkCommand, disconnectCommand, inspectCommand, listCommand, pruneCommand, removeCommand])
    group.addCommand(part(context));
  return group;
}

function inspectCommand(context: Context): Command {
  return new Command("inspect")
    .description("Show all there is to know of networks")
    .option("-f, --format <template>", "Go template")
    .option("-v, --verbose", "the same: there are no services of a swarm to show")
    .argument("<name...>")
    .action(async (names: readonly string[], { format }: { readonly format?: string }) => {
      await inspectEach(context, names, { kind: "network", find: async (name) => await describeNetwork(context, name), format });
    });
}

function removeCommand(context: Context): Command {
  return new Command("rm")
    .alias("remove")
    .description("Remove networks")
    .option("-f, --force", "no error when there is none")
    .argument("<name...>")
    .action(async (names: readonly string[], { force = false }: { readonly force?: boolean }) => {
      const engine = await context.engine();
      await forEach(context, names, async (name) => {
        if (!force || (await engine.networks.get(name)) !== undefined) await removeNetwork(engine, name);
      });
    });
}

function pruneCommand(context: Context): Command {
  return new Command("prune")
    .description("Remove networks that no container is on")
    .option("--filter <key=value>", "until, label or label!", collect, [] as readonly string[])
    .option("-f, --force", "do not ask")
    .action(async ({ force = false, filter }: { readonly force?: boolean; readonly filter: readonly string[] }) => {
      const matches = pruneFilter(filter, Date.now());
      if (!force && !context.stdin.isTTY) throw new UsageError("say --force: there is nobody to ask");
      if (!force && !(await confirmed(context, "This will remove all networks that no container is on."))) return;
      printDeleted(context.stdout, "Networks", await pruneNetworks(context, matches));
    });
}
