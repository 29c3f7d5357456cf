/** strata describe KIND [NAME…]: objects of the cluster in words, with their events. */
import { Command } from "commander";
import { objectsIn } from "../../orchestrator/client/answer.ts";
import { pathOf, resourceByWord } from "../../orchestrator/client/paths.ts";
import { addNamespaceFlag, connectCluster, readTargets } from "../cluster/connect.ts";
import { describeObject } from "../describe/describe-object.ts";
import type { Context } from "../context.ts";

interface Flags {
  readonly namespace: string;
  readonly allNamespaces: boolean;
  readonly selector?: string;
}

export function command(context: Context): Command {
  const verb = new Command()
    .description("Tell about objects of the cluster and what happened to them")
    .argument("<kind...>", "kind and names, or kind/name")
    .option("-A, --all-namespaces", "of all namespaces", false)
    .option("-l, --selector <labels>", "only those with these labels");
  return addNamespaceFlag(verb).action(async (words: readonly string[], { namespace, allNamespaces, selector }: Flags) => {
    using client = connectCluster(context);
    const texts: string[] = [];
    for (const { kind, name } of readTargets(words)) {
      const resource = resourceByWord(kind);
      const query = name === undefined && selector !== undefined ? `?labelSelector=${encodeURIComponent(selector)}` : "";
      const path = `${pathOf(resource, allNamespaces ? undefined : namespace, name)}${query}`;
      const objects = name === undefined ? objectsIn(await client.list({ path })) : [await client.get({ path })];
      for (const object of objects) texts.push(await describeObject(client, object, Date.now()));
    }
    if (texts.length === 0) context.stderr.write(allNamespaces ? "No resources found\n" : `No resources found in ${namespace} namespace.\n`);
    context.stdout.write(texts.join("\n\n"));
  });
}
