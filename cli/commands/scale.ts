/** strata scale KIND/NAME --replicas N. */
import { Command } from "commander";
import { pathOf, resourceByWord } from "../../orchestrator/client/paths.ts";
import { addNamespaceFlag, connectCluster, readTargets } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";

interface Flags {
  readonly namespace: string;
  readonly replicas: string;
}

export function command(context: Context): Command {
  const verb = new Command()
    .description("Change how many replicas run")
    .argument("<target...>", "kind/name, or kind and name")
    .requiredOption("--replicas <count>", "how many");
  return addNamespaceFlag(verb).action(async (words: readonly string[], { namespace, replicas }: Flags) => {
    if (!/^\d+$/.test(replicas)) throw new UsageError(`Cannot scale to ${JSON.stringify(replicas)}: give a number`);
    using client = connectCluster(context);
    for (const { kind, name } of readTargets(words)) {
      if (name === undefined) throw new UsageError("resource(s) were provided, but no name was specified");
      const resource = resourceByWord(kind);
      await client.send({
        method: "PATCH",
        path: `${pathOf(resource, namespace, name)}/scale`,
        body: { spec: { replicas: Number(replicas) } },
        contentType: "application/merge-patch+json",
      });
      context.stdout.write(`${resource.singular}${resource.group === "" ? "" : `.${resource.group}`}/${name} scaled\n`);
    }
  });
}
