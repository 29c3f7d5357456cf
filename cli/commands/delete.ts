/** strata delete KIND NAME…, strata delete -f FILE: removes objects of the cluster and waits until they are gone. */
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { ClientError } from "../../orchestrator/client/errors.ts";
import type { KubeClient } from "../../orchestrator/client/kube-client.ts";
import { pathOf, resourceByWord, resourceOf } from "../../orchestrator/client/paths.ts";
import type { Resource } from "../../orchestrator/schema/resource.ts";
import { addNamespaceFlag, connectCluster, readTargets } from "../cluster/connect.ts";
import { addManifestFlags, readManifests, type ManifestFlags } from "../cluster/read-manifests.ts";
import type { Context } from "../context.ts";
import { EXIT, ExitError, said, UsageError } from "../errors.ts";

interface Flags extends ManifestFlags {
  readonly namespace: string;
  readonly all: boolean;
  readonly wait: boolean;
  readonly ignoreNotFound: boolean;
  readonly gracePeriod?: string;
}

interface Target {
  readonly resource: Resource;
  readonly name: string;
  readonly path: string;
  /** Where a manifest names it. */
  readonly source?: string;
}

const LOOK_MS = 50;

export function command(context: Context): Command {
  const verb = new Command()
    .description("Remove objects of the cluster")
    .argument("[kind...]", "kind and names, or kind/name")
    .option("--all", "all of that kind", false)
    .option("--no-wait", "do not wait until they are gone")
    .option("--ignore-not-found", "what is not there is no failure", false)
    .option("--grace-period <seconds>", "seconds that a pod has to end");
  return addNamespaceFlag(addManifestFlags(verb)).action(async (words: readonly string[], flags: Flags) => await run(context, words, flags));
}

/** All are asked to go before the first is waited for, as kubectl does: they may be within each other. */
async function run(context: Context, words: readonly string[], flags: Flags): Promise<void> {
  const isManifest = flags.filename.length > 0 || flags.kustomize !== undefined;
  if (isManifest && words.length > 0) throw new UsageError("cannot specify -f and objects by name at the same time");
  if (!isManifest && words.length === 0) throw new UsageError("You must provide one or more resources by argument or filename.");
  const named = isManifest ? await inManifests(context, flags) : undefined;
  using client = connectCluster(context);
  const going: { readonly path: string; readonly uid: string }[] = [];
  let failed = false;
  for (const target of named ?? (await byName(client, words, flags))) {
    try {
      const uid = await remove(client, target, flags);
      if (uid === undefined) continue;
      going.push({ path: target.path, uid });
      context.stdout.write(`${wordOf(target.resource)} "${target.name}" deleted\n`);
    } catch (error) {
      if (!(error instanceof ClientError) || (error.code !== "NOT_FOUND" && error.code !== "REFUSED")) throw error;
      context.stderr.write(`${said(about(error, target))}\n`);
      failed = true;
    }
  }
  for (const { path, uid } of flags.wait ? going : [])
    while ((await client.find(path))?.metadata.uid === uid) await delay(LOOK_MS, undefined, { signal: context.signal });
  if (failed) throw new ExitError(EXIT.refused);
}

async function inManifests(context: Context, flags: Flags): Promise<readonly Target[]> {
  return (await readManifests(context, flags)).map(({ source, draft }) => {
    const resource = resourceOf(draft);
    const { name = "", namespace = flags.namespace } = draft.metadata;
    return { resource, name, path: pathOf(resource, namespace, name), source };
  });
}

async function byName(client: KubeClient, words: readonly string[], flags: Flags): Promise<readonly Target[]> {
  const found: Target[] = [];
  for (const { kind, name } of readTargets(words)) {
    const resource = resourceByWord(kind);
    if (name === undefined && !flags.all) throw new UsageError("resource(s) were provided, but no name was specified");
    const names = name === undefined ? (await client.list({ path: pathOf(resource, flags.namespace) })).items.map(({ metadata }) => metadata.name) : [name];
    found.push(...names.map((one) => ({ resource, name: one, path: pathOf(resource, flags.namespace, one) })));
  }
  return found;
}

/** Its uid; undefined when it was not there and need not be. @throws {ClientError} `NOT_FOUND` */
async function remove(client: KubeClient, { path }: Target, flags: Flags): Promise<string | undefined> {
  const before = await client.find(path);
  if (before === undefined && flags.ignoreNotFound) return undefined;
  const grace = flags.gracePeriod === undefined ? {} : { gracePeriodSeconds: Number(flags.gracePeriod) };
  const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background", ...grace };
  try {
    await client.send({ method: "DELETE", path, body });
  } catch (error) {
    if (flags.ignoreNotFound && error instanceof ClientError && error.code === "NOT_FOUND") return undefined; // gone with its namespace meanwhile
    throw error;
  }
  return before?.metadata.uid ?? "";
}

function wordOf({ singular, group }: Resource): string {
  return `${singular}${group === "" ? "" : `.${group}`}`;
}

function about({ message }: ClientError, { source }: Target): string {
  return source === undefined ? message : message.replace(/^(Error from server \(\w+\): )/, `$1error when deleting ${JSON.stringify(source)}: `);
}
