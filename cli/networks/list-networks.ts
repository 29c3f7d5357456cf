/** strata network ls: bridges, what every machine has, and CNI configurations. */
import { Command } from "commander";
import type { Network } from "../../runtime/networks.ts";
import { printRows } from "../containers/print-rows.ts";
import type { Context } from "../context.ts";
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
    .option("-o, --output <format>", "json")
    .option("--no-trunc", "do not shorten ids")
    .action(async (flags: Flags) => {
      const matches = networkFilter(flags.filter);
      const rows = (await rowsOf(context, flags.trunc)).filter(matches).filter(({ ID }) => flags.quiet !== true || ID !== "");
      const shown = rows.map(({ labels: _labels, fullID: _id, isUsed: _used, ...row }) => row);
      await printRows(context, shown, COLUMNS, { quiet: flags.quiet ?? false, key: "ID", format: flags.format ?? flags.output });
    });
}

async function rowsOf(context: Context, truncate: boolean): Promise<readonly NetworkRow[]> {
  const { networks } = await context.engine();
  const { listConfigurations } = await import("../../runtime/network/cni/configurations.ts");
  const bridges = (await networks.list()).map((network) => row(network, truncate));
  const fixed = ["host", "none"].map((name) => other(name, name === "none" ? "null" : name));
  return [...bridges, ...fixed, ...listConfigurations().map(({ name }) => other(name, "cni"))];
}

function row(network: Network, truncate: boolean): NetworkRow {
  return {
    ...other(network.name, "bridge"),
    ID: truncate ? network.id.slice(0, 12) : network.id,
    fullID: network.id,
    IPv6: String(network.subnet6 !== undefined),
    Internal: String(network.internal),
    CreatedAt: network.createdAt,
    Labels: Object.entries(network.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    labels: network.labels,
    isUsed: Object.keys(network.endpoints).length > 0,
  };
}

/** Networks that have no id. */
function other(name: string, driver: string): NetworkRow {
  return {
    ID: "",
    Name: name,
    Driver: driver,
    Scope: "local",
    IPv6: "false",
    Internal: "false",
    Labels: "",
    CreatedAt: "",
    labels: {},
    fullID: "",
    isUsed: true,
  };
}
