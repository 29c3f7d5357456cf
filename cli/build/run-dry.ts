/** `strata build --dry-run`: a table of what would run, and why. */
import { dryRun } from "../../builder/cache/dry-run.ts";
import type { BuildRequest, Collaborators } from "../../builder/request.ts";
import { printRows } from "../containers/print-rows.ts";
import type { Context } from "../context.ts";

const COLUMNS = [
  ["STATE", "State"],
  ["STEP", "Step"],
  ["WHY", "Why"],
] as const;

/** Of a table: a long RUN would push the reason out of sight. */
const MAX_STEP = 72;

/** JSON lines with `--progress rawjson`. */
export async function runDry(context: Context, request: BuildRequest, collaborators: Collaborators, progress: string): Promise<void> {
  const steps = await dryRun(request, collaborators);
  const isJson = progress === "rawjson";
  const rows = steps.map(({ name, state, reason }) => ({
    State: state,
    Step: isJson || name.length <= MAX_STEP ? name : `${name.slice(0, MAX_STEP - 1)}…`,
    Why: reason,
  }));
  await printRows(context, rows, COLUMNS, { quiet: false, key: "Step", format: isJson ? "json" : undefined });
}
