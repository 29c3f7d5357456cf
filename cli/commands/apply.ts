/** strata apply -f FILE: brings the cluster to what manifests say. */
import { Command } from "commander";
import { applyManifest } from "../../orchestrator/client/apply.ts";
import type { KubeClient } from "../../orchestrator/client/kube-client.ts";
import { pathOf, printedName, resourceOf } from "../../orchestrator/client/paths.ts";
import type { Draft } from "../../orchestrator/cluster.ts";
import { addNamespaceFlag, reachCluster } from "../cluster/connect.ts";
import { addManifestFlags, readManifests, type ManifestFlags } from "../cluster/read-manifests.ts";
import type { Context } from "../context.ts";
import { ExitError, UsageError } from "../errors.ts";

interface Flags extends ManifestFlags {
  readonly namespace: string;
  readonly dryRun: string;
}

const DRY_RUNS: Readonly<Record<string, string>> = { none: "", client: " (dry run)", server: " (server dry run)" };

export function command(context: Context): Command {
  const verb = new Command()
    .description("Bring the cluster to what manifests say")
    .option("--dry-run <how>", "server: check and change nothing; client: only tell what would be sent", "none");
  return addNamespaceFlag(addManifestFlags(verb)).action(async (flags: Flags) => await run(context, flags));
}

async function run(context: Context, flags: Flags): Promise<void> {
  const { filename, kustomize, namespace, dryRun } = flags;
  const mark = DRY_RUNS[dryRun];
  if (mark === undefined) throw new UsageError(`Invalid dry-run value (${dryRun}). Must be "none", "server", or "client".`);
  if (filename.length === 0 && kustomize === undefined) throw new UsageError("must specify one of -f and -k");
  const manifests = await readManifests(context, flags);
  if (manifests.length === 0) throw new ExitError(1, "no objects passed to apply");
  using client = await reachCluster(context);
  for (const { draft } of manifests) {
    const { name, outcome } =
      dryRun === "client" ? await foretell(client, draft, namespace) : await applyManifest(client, draft, { namespace, dryRun: dryRun === "server" });
    context.stdout.write(`${name} ${outcome}${mark}\n`);
  }
}

/** As kubectl: without asking the server, what is there counts as changed. */
async function foretell(client: KubeClient, draft: Draft, namespace: string): Promise<{ readonly name: string; readonly outcome: string }> {
  const resource = resourceOf(draft);
  const { name = "", namespace: own = namespace } = draft.metadata;
  const before = await client.find(pathOf(resource, own, name));
  return { name: printedName(resource, name), outcome: before === undefined ? "created" : "configured" };
}
