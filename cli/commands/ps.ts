/** strata ps: containers as docker's table, ids, or a format. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { containerFilter } from "../containers/container-filter.ts";
import { containerRow } from "../containers/container-row.ts";
import { printRows } from "../containers/print-rows.ts";
import { collect } from "../collect.ts";

interface Flags {
  readonly all?: boolean;
  readonly quiet?: boolean;
  readonly filter: readonly string[];
  readonly format?: string;
  readonly output?: string;
  readonly trunc: boolean;
  readonly size?: boolean;
  readonly last?: string;
  readonly latest?: boolean;
}

const COLUMNS = [
  ["CONTAINER ID", "ID"],
  ["IMAGE", "Image"],
  ["COMMAND", "Command"],
  ["CREATED", "RunningFor"],
  ["STATUS", "Status"],
  ["PORTS", "Ports"],
  ["NAMES", "Names"],
] as const;

export function command(context: Context): Command {
  return new Command()
    .description("List containers")
    .option("-a, --all", "those that do not run too")
    .option("-q, --quiet", "ids only")
    .option("-f, --filter <key=value>", "only those", collect, [] as readonly string[])
    .option("--format <template>", "json, table or a Go template")
    .addOption(jsonOutput())
    .option("-n, --last <count>", "the newest ones, whatever they do")
    .option("-l, --latest", "the newest one")
    .option("-s, --size", "what they take on disk")
    .option("--no-trunc", "do not shorten ids and commands")
    .action(async (flags: Flags) => await list(context, flags));
}

async function list(context: Context, flags: Flags): Promise<void> {
  const engine = await context.engine();
  const count = flags.latest === true ? 1 : flags.last === undefined ? undefined : Number(flags.last);
  const showAll = flags.all === true || count !== undefined || flags.filter.some((filter) => /^(?:status|exited)=/.test(filter));
  const every = await engine.list();
  const matches = containerFilter(flags.filter, every);
  const all = every.filter((container) => (showAll || ["running", "paused", "restarting"].includes(container.status.status)) && matches(container));
  const withSize = flags.size === true || flags.format?.includes(".Size") === true;
  const sizes = withSize ? await (await import("../containers/container-size.ts")).sizesOf(context, all.slice(0, count)) : undefined;
  const rows = all.slice(0, count).map((container) => ({ ...containerRow(container, Date.now(), flags.trunc), ...sizes?.get(container.record.id) }));
  await printRows(context, rows, flags.size === true ? [...COLUMNS, ["SIZE", "Size"]] : COLUMNS, {
    quiet: flags.quiet ?? false,
    key: "ID",
    format: flags.format ?? flags.output,
  });
}
