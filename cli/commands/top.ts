/** strata top CONTAINER: its processes as the host's ps sees them. */
import { execFileSync } from "node:child_process";
import { Command } from "commander";
import type { Context } from "../context.ts";

export function command(context: Context): Command {
  return new Command()
    .description("List the processes of a container")
    .argument("<container>")
    .argument("[options...]", "for ps(1)")
    .passThroughOptions()
    .action(async (name: string, options: readonly string[]) => {
      const engine = await context.engine();
      const pids = new Set((await engine.pids(name)).map(String));
      const format = options.length > 0 ? options : ["-ef"];
      const [title = "", ...rows] = execFileSync("ps", [...format], { encoding: "utf8" })
        .trimEnd()
        .split("\n");
      const column = title.trim().split(/\s+/).indexOf("PID");
      context.stdout.write([title, ...rows.filter((row) => pids.has(row.trim().split(/\s+/)[column] ?? ""))].map((row) => `${row}\n`).join(""));
    });
}
