/** strata kubeconfig: what kubectl needs to reach this root's cluster. */
import { existsSync, readFileSync } from "node:fs";
import { Command } from "commander";
import { kubeconfigPath } from "../../orchestrator/folders.ts";
import type { Context } from "../context.ts";
import { ExitError } from "../errors.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Print the kubeconfig of the cluster")
    .option("--path", "print where it is instead", false)
    .action(({ path }: { readonly path: boolean }) => {
      const file = kubeconfigPath(context.root);
      if (!existsSync(file)) throw new ExitError(1, `Cannot find ${file}: the cluster was never up\nStart it with 'strata up'`);
      context.stdout.write(path ? `${file}\n` : readFileSync(file, "utf8"));
    });
}
