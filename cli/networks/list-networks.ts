/** strata network ls: bridges, what every machine has, and CNI configurations. */
import { Command } from "commander";
import type { Network } from "../../runtime/networks.ts";
import { printRows } from "../containers/print-rows.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { labelFields } from "../containers/label-fields.ts";
import { FIXED, idOfName } from "./fixed-networks.ts";
import { networkFilter } from "./network-filter.ts";
import type { NetworkRow } from "./network-row.ts";
import { collect } from "../collect.ts";

const COLUMNS = [
  ["NETWORK ID", "ID"],
  ["NAME", "Name"],
  ["DRIVER", "Driver"],
  ["SCOPE", "Scope"],
] as const;

interface Flags {
  readonly quiet?: boolean;
  readonly filter: readonly string[];
  readonly format?: string;
  readonly output?: string;
  readonly trunc: boolean;
}

export function listCommand(context: Context): Command {
  return new Command("ls")
    .alias("list")
    .description("List networks")
    .option("-q, --quiet", "ids only")
    .option("-f, --filter <key=value>", "only those", collect, [] as readonly string[])
    .option("--format <template>", "json or a Go template")
    .addOption(jsonOutput())
    .option("--no-trunc", "do not shorten ids")
    .action(async (flags: Flags) => {
      const matches = networkFilter(flags.filter);
      const rows = (await rowsOf(context, flags.trunc)).filter(matches);
      const shown = rows.map(({ labels: _labels, fullID: _id, isUsed: _used, ...row }) => row);
      await printRows(context, shown, COLUMNS, { quiet: flags.quiet ?? false, key: "ID", format: flags.format ?? flags.output });
    });
}

async function rowsOf(context: Context, truncate: boolean): Promise<readonly NetworkRow[]> {
  const { networks } = await context.engine();
  const { listConfigurations } = await import("../../runtime/network/cni/configurations.ts");
  const bridges = (await networks.list()).map((network) => row(network, truncate));
  const others = [...FIXED, ...listConfigurations().map(({ name }) => ({ name, driver: "cni" }))];
  return [...bridges, ...others.map((one) => other(one, truncate))];
}

function row(network: Network, truncate: boolean): NetworkRow {
  return {
    Name: network.name,
    Driver: "bridge",
    Scope: "local",
    ...ids(network.id, truncate),
    IPv6: String(network.subnet6 !== undefined),
    Internal: String(network.internal),
    CreatedAt: network.createdAt,
    ...labelFields(network.labels),
    labels: network.labels,
    isUsed: Object.keys(network.endpoints).length > 0,
  };
}

/** Networks that nobody made here. */
function other({ name, driver }: { readonly name: string; readonly driver: string }, truncate: boolean): NetworkRow {
  return {
    ...ids(idOfName(name), truncate),
    Name: name,
    Driver: driver,
    Scope: "local",
    IPv6: "false",
    Internal: "false",
    ...labelFields({}),
    CreatedAt: "",
    labels: {},
    isUsed: true,
  };
}

function ids(id: string, truncate: boolean): Pick<NetworkRow, "ID" | "fullID"> {
  return { ID: truncate ? id.slice(0, 12) : id, fullID: id };
}
