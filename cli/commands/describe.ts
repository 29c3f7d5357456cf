/** strata describe KIND [NAME…]: objects of the cluster in words, with their events. */
import { Command } from "commander";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { pathOf, resourceByWord } from "../../orchestrator/client/paths.ts";
import { addNamespaceFlag, connectCluster, readTargets } from "../cluster/connect.ts";
import { describeObject } from "../cluster/describe.ts";
import type { Context } from "../context.ts";

export function command(context: Context): Command {
  const verb = new Command().description("Tell about objects of the cluster and what happened to them").argument("<kind...>", "kind and names, or kind/name");
  return addNamespaceFlag(verb).action(async (words: readonly string[], { namespace }: { readonly namespace: string }) => {
    using client = connectCluster(context);
    const texts: string[] = [];
    for (const { kind, name } of readTargets(words)) {
      const resource = resourceByWord(kind);
      const found = await client.send({ path: pathOf(resource, namespace, name) });
      const objects: readonly KubeObject[] = name === undefined ? found.items : [found];
      for (const object of objects) {
        const about = encodeURIComponent(`involvedObject.uid=${object.metadata.uid}`);
        const { items } = await client.send({ path: `${pathOf(resourceByWord("events"), object.metadata.namespace)}?fieldSelector=${about}` });
        texts.push(describeObject(object, items, Date.now()));
      }
    }
    context.stdout.write(texts.join("\n\n"));
  });
}
