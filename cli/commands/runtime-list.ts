/** strata-runtime list: all containers of a root. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { UsageError } from "../errors.ts";
import type { OpenOci } from "../oci/context.ts";
import { shownState, type ShownState } from "../oci/shown-state.ts";

interface Flags {
  readonly format: string;
  readonly quiet?: boolean;
}

export function command(open: OpenOci): Command {
  return new Command()
    .description("List containers")
    .option("-f, --format <format>", "table or json", "table")
    .option("-q, --quiet", "ids only")
    .action(async ({ format, quiet = false }: Flags) => {
      if (format !== "table" && format !== "json") throw new UsageError(`There is no format ${JSON.stringify(format)}: table or json`);
      const oci = await open();
      const states = await Promise.all(idsIn(oci.runRoot).map(async (id) => await shownState(oci, id)));
      const found = states.filter((state) => state !== undefined);
      oci.context.stdout.write(quiet ? found.map(({ id }) => `${id}\n`).join("") : format === "json" ? `${JSON.stringify(found)}\n` : table(found));
    });
}

function idsIn(runRoot: string): readonly string[] {
  try {
    return readdirSync(join(runRoot, "containers")).toSorted();
  } catch {
    return []; // none was made yet
  }
}

const TITLES = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];

function table(states: readonly ShownState[]): string {
  const rows = [TITLES, ...states.map((one) => [one.id, String(one.pid), one.status, one.bundle, one.created, one.owner])];
  const widths = TITLES.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 3))).join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}
