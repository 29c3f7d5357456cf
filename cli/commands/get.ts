/** strata get KIND [NAME…]: objects of the cluster, for those without kubectl. */
import { Command } from "commander";
import { resourceByWord } from "../../orchestrator/client/paths.ts";
import { resources } from "../../orchestrator/schema/resources.ts";
import type { Resource } from "../../orchestrator/schema/resource.ts";
import { collect } from "../collect.ts";
import { addNamespaceFlag, connectCluster, readTargets } from "../cluster/connect.ts";
import { formatObjects, readOutput } from "../cluster/print.ts";
import { type Asked, type Choice, groupsOf, readEach } from "../cluster/read-objects.ts";
import { formatTable, type Table, type TableOptions } from "../cluster/table.ts";
import type { Context } from "../context.ts";
import { said, UsageError } from "../errors.ts";

interface Flags extends Choice {
  readonly output?: string;
  readonly headers: boolean;
  readonly showLabels: boolean;
  readonly labelColumns: readonly string[];
  readonly watch: boolean;
  readonly watchOnly: boolean;
}

export function command(context: Context): Command {
  const verb = new Command()
    .description("Show objects of the cluster")
    .argument("<kind...>", "kind and names, or kind/name")
    .option("-A, --all-namespaces", "of all namespaces", false)
    .option("-l, --selector <labels>", "only those with these labels")
    .option("--field-selector <fields>", "only those with these fields")
    .option("-L, --label-columns <labels>", "a column for each of these labels", collect, [] as readonly string[])
    .option("--show-labels", "a column of all labels", false)
    .option("-o, --output <format>", "wide, json, yaml, name, jsonpath=…, custom-columns=… or go-template=…, as kubectl has them")
    .option("--sort-by <path>", "in the order of this field, as in .metadata.creationTimestamp")
    .option("--no-headers", "no header line")
    .option("--ignore-not-found", "no error when there is none of a name", false)
    .option("-w, --watch", "go on with what changes", false)
    .option("--watch-only", "only what changes from now on", false);
  return addNamespaceFlag(verb).action(async (words: readonly string[], flags: Flags) => await run(context, words, flags));
}

async function run(context: Context, words: readonly string[], flags: Flags): Promise<void> {
  const output = await readOutput(flags.output, flags.headers);
  const asked: readonly Asked[] = readTargets(words).flatMap(({ kind, name }) =>
    kind === "all" ? resources.filter(isOfAll).map((resource) => ({ resource, name })) : [{ resource: resourceByWord(kind), name }],
  );
  using client = connectCluster(context);
  if (flags.watch || flags.watchOnly) {
    const [one, ...more] = asked;
    if (one === undefined || more.length > 0) throw new UsageError("you may only specify a single resource type and name to watch");
    const { watchObjects } = await import("../cluster/watch-objects.ts");
    return await watchObjects({ client, context, asked: one, choice: flags, output, table: tableOptions(flags, [one], one.resource), only: flags.watchOnly });
  }
  const isTable = output === "table" || output === "wide";
  const { found: unsorted, failed } = await readEach(client, asked, flags, isTable);
  const found = flags.sortBy === undefined ? unsorted : (await import("../cluster/sort-objects.ts")).sorted(unsorted, flags.sortBy);
  if (isTable) showTables(context, { found, asked, flags, failed: failed.length > 0 });
  else if (found.length > 0 || failed.length === 0) {
    const objects = found.flatMap(({ objects }) => objects);
    const isSingle = asked.length === 1 && asked[0]?.name !== undefined;
    if (!isSingle || objects.length > 0) context.stdout.write(formatObjects(output, objects, isSingle));
  }
  for (const { message } of failed) context.stderr.write(`${said(message)}\n`);
  if (failed.length > 0) process.exitCode = 1;
}

interface Showing {
  readonly found: Awaited<ReturnType<typeof readEach>>["found"];
  readonly asked: readonly Asked[];
  readonly flags: Flags;
  readonly failed: boolean;
}

function showTables(context: Context, { found, asked, flags, failed }: Showing): void {
  const tables = groupsOf(found).filter(({ table }) => table.rows.length > 0);
  if (tables.length === 0 && !failed && !flags.ignoreNotFound) {
    const within = !flags.allNamespaces && asked.every(({ resource }) => resource.namespaced);
    context.stderr.write(within ? `No resources found in ${flags.namespace} namespace.\n` : "No resources found\n");
  }
  const texts = tables.map(({ resource, table }: { readonly resource: Resource; readonly table: Table }) =>
    formatTable(table, tableOptions(flags, asked, resource)),
  );
  context.stdout.write(texts.join(flags.headers ? "\n" : ""));
}

function tableOptions(flags: Flags, asked: readonly Asked[], resource: Resource): TableOptions {
  const several = new Set(asked.map((one) => one.resource)).size > 1;
  return {
    wide: flags.output === "wide",
    namespaces: flags.allNamespaces && resource.namespaced,
    headers: flags.headers,
    labels: flags.showLabels,
    labelColumns: flags.labelColumns.flatMap((text) => text.split(",")),
    ...(several ? { prefix: `${resource.singular}${resource.group === "" ? "" : `.${resource.group}`}/` } : {}),
  };
}

/** A kind that has several versions is asked for by its first. */
function isOfAll({ categories, group, resource }: Resource, index: number): boolean {
  return categories.includes("all") && index === resources.findIndex((other) => other.group === group && other.resource === resource);
}
