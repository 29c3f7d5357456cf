/** strata network create|ls|inspect|rm|prune */
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import { DEFAULT_NETWORK } from "../../runtime/network/record.ts";
import type { Networks } from "../../runtime/networks.ts";
import type { Context } from "../context.ts";
import { forEach } from "../containers/each.ts";
import { UsageError } from "../errors.ts";
import { confirmed } from "../images/prune-images.ts";
import { inspectNetwork } from "../containers/inspect-parts.ts";
import { printRows } from "../containers/print-rows.ts";
import { printInspected } from "./inspect.ts";

const COLUMNS = [
  ["NETWORK ID", "ID"],
  ["NAME", "Name"],
  ["DRIVER", "Driver"],
  ["SCOPE", "Scope"],
] as const;
const collect = (value: string, all: readonly string[]): readonly string[] => [...all, value];

interface CreateFlags {
  readonly subnet?: string;
  readonly internal?: boolean;
  readonly label: readonly string[];
}

export function command(context: Context): Command {
  const networks = async (): Promise<Networks> => (await context.engine()).networks;
  const group = new Command().description("Manage networks");
  group
    .command("create <name>")
    .description("Create a network")
    .option("-d, --driver <name>", "bridge is the only one", "bridge")
    .option("--subnet <subnet>", "as in 10.90.0.0/16")
    .option("--internal", "without a way out")
    .option("--label <key=value>", "set a label", collect, [] as readonly string[])
    .action(async (name: string, flags: CreateFlags) => {
      const labels = Object.fromEntries(flags.label.map((label) => label.split(/=(.*)/s).slice(0, 2) as [string, string]));
      const network = await (
        await networks()
      ).create({ name, internal: flags.internal ?? false, labels, ...(flags.subnet !== undefined && { subnet: flags.subnet }) });
      context.stdout.write(`${network.id}\n`);
    });
  group
    .command("ls")
    .alias("list")
    .description("List networks")
    .option("-q, --quiet", "ids only")
    .option("--format <template>", "json or a Go template")
    .option("-o, --output <format>", "json")
    .action(async (flags: { readonly quiet?: boolean; readonly format?: string; readonly output?: string }) => {
      const rows = (await (await networks()).list()).map(({ id, name }) => ({ ID: id.slice(0, 12), Name: name, Driver: "bridge", Scope: "local" }));
      const fixed = ["host", "none"].map((name) => ({ ID: "", Name: name, Driver: name === "none" ? "null" : name, Scope: "local" }));
      await printRows(context, flags.quiet === true ? rows : [...rows, ...fixed], COLUMNS, {
        quiet: flags.quiet ?? false,
        key: "ID",
        format: flags.format ?? flags.output,
      });
    });
  group
    .command("inspect <name...>")
    .description("Show all there is to know of networks")
    .option("-f, --format <template>", "Go template")
    .action(async (names: readonly string[], flags: { readonly format?: string }) => {
      const open = await networks();
      const found: object[] = [];
      for (const name of names) {
        const network = await open.get(name);
        if (network === undefined) throw new RuntimeError("NETWORK_UNKNOWN", `Cannot inspect network ${JSON.stringify(name)}: there is none of that name`);
        found.push(inspectNetwork(network));
      }
      await printInspected(context, found, flags.format);
    });
  group
    .command("rm <name...>")
    .alias("remove")
    .description("Remove networks")
    .action(async (names: readonly string[]) => {
      const open = await networks();
      await forEach(context, names, async (name) => await open.remove(name));
    });
  group
    .command("prune")
    .description("Remove networks that no container is on")
    .option("-f, --force", "do not ask")
    .action(async ({ force = false }: { readonly force?: boolean }) => {
      if (!force && !context.stdin.isTTY) throw new UsageError("say --force: there is nobody to ask");
      if (force || (await confirmed(context, "This will remove all networks that no container is on."))) await prune(context, await networks());
    });
  return group;
}

async function prune(context: Context, networks: Networks): Promise<void> {
  const removed: string[] = [];
  for (const { name } of await networks.list()) {
    if (name === DEFAULT_NETWORK) continue;
    await networks.remove(name).then(
      () => removed.push(name),
      (error: unknown) => {
        if (!(error instanceof RuntimeError && error.code === "CONTAINER_STATE")) throw error;
      },
    );
  }
  if (removed.length > 0) context.stdout.write(`Deleted Networks:\n${removed.map((name) => `${name}\n`).join("")}\n`);
}
