/** strata down: ends the cluster of this root and removes what its pods have on the machine. */
import { Command } from "commander";
import type { Context } from "../context.ts";

export function command(context: Context): Command {
  return new Command()
    .description("End the cluster and remove the containers of its pods; objects and the data of volumes stay for the next 'up'")
    .option("--purge", "forget all objects too, and delete the data of volumes whose reclaim policy is Delete; what is to be retained stays", false)
    .action(async ({ purge }: { readonly purge: boolean }) => {
      const { takeDown } = await import("../../orchestrator/down.ts");
      const done = await takeDown({ root: context.root, engine: await context.engine(), purge, signal: context.signal });
      if (done.process === undefined && done.pods === 0) context.stderr.write("The cluster was down already\n");
      else context.stderr.write(`The cluster is down: ${done.containers} containers of ${done.pods} pods removed${purge ? ", objects forgotten" : ""}\n`);
      if (done.kept.length > 0) context.stderr.write(`Data that is to be retained is still there:\n${done.kept.map((path) => `  ${path}\n`).join("")}`);
    });
}
