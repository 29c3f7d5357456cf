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
      const wasDown = done.process === undefined && done.pods === 0;
      context.stderr.write(
        wasDown ? "The cluster was down already" : `The cluster is down: ${counted(done.containers, "container")} of ${counted(done.pods, "pod")} removed`,
      );
      context.stderr.write(purge ? "; its objects are forgotten\n" : "\n");
      if (done.kept.length > 0) context.stderr.write(`Data that is to be retained is still there:\n${done.kept.map((path) => `  ${path}\n`).join("")}`);
    });
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
