/** strata doctor: what this machine lacks, and the command that mends it. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import type { Check } from "../doctor/check.ts";
import { checkKernel } from "../doctor/kernel.ts";
import { thisMachine } from "../doctor/machine.ts";
import { checkPlace } from "../doctor/place.ts";
import { checkPrograms, checkTun } from "../doctor/programs.ts";
import { checkSubordinateIds } from "../doctor/subordinate-ids.ts";
import { EXIT, ExitError, UsageError } from "../errors.ts";

export function command(context: Context): Command {
  return new Command("doctor")
    .description("Say what this machine lacks and the command that mends it; ends with 1 when something required is missing")
    .option("-o, --output <format>", "table or json", "table")
    .action((flags: { readonly output: string }) => {
      if (flags.output !== "table" && flags.output !== "json") throw new UsageError(`Cannot print as ${flags.output}: table or json`);
      const machine = thisMachine(context.root, context.env["PATH"] ?? "");
      const checks = [...checkPlace(machine), ...checkKernel(machine), ...checkPrograms(machine), ...checkSubordinateIds(machine), checkTun(machine)];
      context.stdout.write(flags.output === "json" ? `${JSON.stringify(checks, undefined, 2)}\n` : formatChecks(checks));
      if (checks.some((check) => check.status === "missing" && check.required)) throw new ExitError(EXIT.refused);
    });
}

/** A row a check, and under the table what to type. */
export function formatChecks(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length)) + 3;
  const rows = [
    `${"CHECK".padEnd(width)}${"STATUS".padEnd(11)}DETAIL`,
    ...checks.map((check) => `${check.name.padEnd(width)}${statusOf(check).padEnd(11)}${check.detail}`),
  ];
  const mends = checks.flatMap(({ name, mend }) => (mend === undefined ? [] : [`  ${name}: ${mend}`]));
  return `${rows.join("\n")}\n${mends.length === 0 ? "" : `\nTo mend:\n${mends.join("\n")}\n`}`;
}

function statusOf({ status, required }: Check): string {
  return status === "ok" ? "ok" : required ? "missing" : "optional";
}
