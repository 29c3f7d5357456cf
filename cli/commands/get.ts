/** strata get KIND [NAME…]: objects of the cluster, for those without kubectl. */
import { Command } from "commander";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import type { KubeClient } from "../../orchestrator/client/kube-client.ts";
import { pathOf, resourceByWord } from "../../orchestrator/client/paths.ts";
import type { Resource } from "../../orchestrator/schema/resource.ts";
import { resources } from "../../orchestrator/schema/resources.ts";
import { addNamespaceFlag, connectCluster, readTargets } from "../cluster/connect.ts";
import { formatObjects, formatTable, readOutput, TABLE_ACCEPT } from "../cluster/print.ts";
import type { Context } from "../context.ts";

interface Flags {
  readonly namespace: string;
  readonly allNamespaces: boolean;
  readonly selector?: string;
  readonly output?: string;
  readonly headers: boolean;
}

export function command(context: Context): Command {
  const verb = new Command()
    .description("Show objects of the cluster")
    .argument("<kind...>", "kind and names, or kind/name")
    .option("-A, --all-namespaces", "of all namespaces", false)
    .option("-l, --selector <labels>", "only those with these labels")
    .option("-o, --output <format>", "wide, json, yaml or name")
    .option("--no-headers", "no header line");
  return addNamespaceFlag(verb).action(async (words: readonly string[], flags: Flags) => await run(context, words, flags));
}

interface Asked {
  readonly resource: Resource;
  readonly name: string | undefined;
}

async function run(context: Context, words: readonly string[], flags: Flags): Promise<void> {
  const output = readOutput(flags.output);
  const asked: readonly Asked[] = readTargets(words).flatMap(({ kind, name }) =>
    kind === "all" ? resources.filter(isOfAll).map((resource) => ({ resource, name })) : [{ resource: resourceByWord(kind), name }],
  );
  using client = connectCluster(context);
  if (output !== "table" && output !== "wide") {
    const objects = (await Promise.all(asked.map(async (one) => await readObjects(client, one, flags)))).flat();
    context.stdout.write(formatObjects(output, objects, asked.length === 1 && asked[0]?.name !== undefined));
    return;
  }
  const tables = (await Promise.all(asked.map(async (one) => ({ one, table: await client.send({ path: queryOf(one, flags), accept: TABLE_ACCEPT }) })))).filter(
    ({ table }) => table.rows?.length > 0,
  );
  if (tables.length === 0) context.stderr.write(flags.allNamespaces ? "No resources found\n" : `No resources found in ${flags.namespace} namespace.\n`);
  const several = new Set(asked.map(({ resource }) => resource)).size > 1;
  const texts = tables.map(({ one: { resource }, table }) =>
    formatTable(table, {
      wide: output === "wide",
      namespaces: flags.allNamespaces && resource.namespaced,
      headers: flags.headers,
      ...(several ? { prefix: `${resource.singular}${resource.group === "" ? "" : `.${resource.group}`}/` } : {}),
    }),
  );
  context.stdout.write(texts.join("\n"));
}

/** A kind that has several versions is asked for by its first. */
function isOfAll({ categories, group, resource }: Resource, index: number): boolean {
  return categories.includes("all") && index === resources.findIndex((other) => other.group === group && other.resource === resource);
}

async function readObjects(client: KubeClient, one: Asked, flags: Flags): Promise<readonly KubeObject[]> {
  const found = await client.send({ path: queryOf(one, flags) });
  if (one.name !== undefined) return [found];
  return found.items.map((item: object) => ({ apiVersion: found.apiVersion, kind: found.kind.replace(/List$/, ""), ...item }));
}

function queryOf({ resource, name }: Asked, { namespace, allNamespaces, selector }: Flags): string {
  const path = pathOf(resource, allNamespaces ? undefined : namespace, name);
  return selector === undefined || name !== undefined ? path : `${path}?labelSelector=${encodeURIComponent(selector)}`;
}
