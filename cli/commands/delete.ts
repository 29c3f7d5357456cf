/** strata delete KIND NAME…: removes objects of the cluster and waits until they are gone. */
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import type { KubeClient } from "../../orchestrator/client/kube-client.ts";
import { pathOf, resourceByWord } from "../../orchestrator/client/paths.ts";
import { addNamespaceFlag, connectCluster, readTargets } from "../cluster/connect.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";

interface Flags {
  readonly namespace: string;
  readonly all: boolean;
  readonly wait: boolean;
  readonly ignoreNotFound: boolean;
  readonly gracePeriod?: string;
}

const LOOK_MS = 50;

export function command(context: Context): Command {
  const verb = new Command()
    .description("Remove objects of the cluster")
    .argument("<kind...>", "kind and names, or kind/name")
    .option("--all", "all of that kind", false)
    .option("--no-wait", "do not wait until they are gone")
    .option("--ignore-not-found", "what is not there is no failure", false)
    .option("--grace-period <seconds>", "seconds that a pod has to end");
  return addNamespaceFlag(verb).action(async (words: readonly string[], flags: Flags) => await run(context, words, flags));
}

async function run(context: Context, words: readonly string[], flags: Flags): Promise<void> {
  using client = connectCluster(context);
  for (const { kind, name } of readTargets(words)) {
    const resource = resourceByWord(kind);
    if (name === undefined && !flags.all) throw new UsageError("resource(s) were provided, but no name was specified");
    const names: readonly string[] =
      name === undefined ? (await client.send({ path: pathOf(resource, flags.namespace) })).items.map(({ metadata }: KubeObject) => metadata.name) : [name];
    for (const one of names) {
      const gone = await remove(client, pathOf(resource, flags.namespace, one), flags, context.signal);
      if (gone) context.stdout.write(`${resource.singular}${resource.group === "" ? "" : `.${resource.group}`} "${one}" deleted\n`);
    }
  }
}

/** False when it was not there and need not be. @throws {ClientError} `NOT_FOUND` */
async function remove(client: KubeClient, path: string, flags: Flags, signal: AbortSignal): Promise<boolean> {
  const before = await client.find(path);
  if (before === undefined && flags.ignoreNotFound) return false;
  const grace = flags.gracePeriod === undefined ? {} : { gracePeriodSeconds: Number(flags.gracePeriod) };
  await client.send({ method: "DELETE", path, body: { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background", ...grace } });
  while (flags.wait) {
    const left = await client.find(path);
    if (left === undefined || left.metadata.uid !== before?.metadata.uid) break;
    await delay(LOOK_MS, undefined, { signal });
  }
  return true;
}
