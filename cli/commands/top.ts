/** strata top CONTAINER: its processes as the host's ps sees them. */
import { execFileSync, spawnSync } from "node:child_process";
import { Command } from "commander";
import type { Context } from "../context.ts";

const MAX_BYTES = 64 << 20;

export function command(context: Context): Command {
  return new Command()
    .description("List the processes of a container")
    .argument("<container>")
    .argument("[options...]", "for ps(1)")
    .passThroughOptions()
    .action(async (name: string, options: readonly string[]) => {
      const engine = await context.engine();
      const pids = new Set((await engine.pids(name)).map(String));
      const [title = "", ...rows] = processes(options.length > 0 ? options : ["-ef"], [...pids])
        .trimEnd()
        .split("\n");
      const column = title.trim().split(/\s+/).indexOf("PID");
      context.stdout.write([title, ...rows.filter((row) => pids.has(row.trim().split(/\s+/)[column] ?? ""))].map((row) => `${row}\n`).join(""));
    });
}

/** Asked for these alone first, as docker does: some options show only processes of the caller's terminal. Others do not go with -q. */
function processes(options: readonly string[], pids: readonly string[]): string {
  const { status, stdout } = spawnSync("ps", [...options, `-q${pids.join(",")}`], { encoding: "utf8", maxBuffer: MAX_BYTES });
  return status === 0 ? stdout : execFileSync("ps", [...options], { encoding: "utf8", maxBuffer: MAX_BYTES });
}
