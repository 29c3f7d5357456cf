/** strata-runtime ps ID [PS-OPTION…]: the processes of a container, as pids or as ps shows them. */
import { execFileSync } from "node:child_process";
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import { UsageError } from "../errors.ts";
import type { OpenOci } from "../oci/context.ts";

export function command(open: OpenOci): Command {
  return new Command()
    .description("List the processes of a container")
    .option("-f, --format <format>", "table or json", "table")
    .argument("<id>")
    .argument("[option...]", "options of ps", ["-ef"])
    .passThroughOptions()
    .action(async (id: string, options: readonly string[], { format }: { readonly format: string }) => {
      if (format !== "table" && format !== "json") throw new UsageError(`There is no format ${JSON.stringify(format)}: table or json`);
      const { context, processes } = await open();
      if ((await processes.state(id)) === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot list processes of ${id}: container does not exist`);
      const pids = await processes.pids(id);
      context.stdout.write(format === "json" ? `${JSON.stringify(pids)}\n` : table(pids, options));
    });
}

/** The lines of this machine's ps whose PID is the container's. */
function table(pids: readonly number[], options: readonly string[]): string {
  const [title = "", ...rows] = execFileSync("ps", options, { encoding: "utf8" }).split("\n");
  const column = title.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw new UsageError(`Cannot tell the container's processes: ps ${options.join(" ")} shows no PID`);
  const wanted = new Set(pids.map(String));
  return [title, ...rows.filter((row) => wanted.has(row.trim().split(/\s+/)[column] ?? ""))].map((line) => `${line}\n`).join("");
}
