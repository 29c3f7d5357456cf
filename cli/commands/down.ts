/** strata down: ends the cluster of this root and removes what its pods have on the machine. */
import { Command } from "commander";
import type { Context } from "../context.ts";

export function command(context: Context): Command {
  return new Command()
    .description("End the cluster and remove the containers of its pods")
    .option("--purge", "forget all its objects too", false)
    .action(async ({ purge }: { readonly purge: boolean }) => {
      const { takeDown } = await import("../../orchestrator/down.ts");
      const done = await takeDown({ root: context.root, engine: await context.engine(), purge, signal: context.signal });
      if (done.process === undefined && done.pods === 0) context.stderr.write("The cluster was down already\n");
      else context.stderr.write(`The cluster is down: ${done.containers} containers of ${done.pods} pods removed${purge ? ", objects forgotten" : ""}\n`);
    });
}
