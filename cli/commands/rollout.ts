/** strata rollout status|history|undo|restart|pause|resume deployment/NAME. */
import { Command } from "commander";
import { revisionsOf, templateOf } from "../../orchestrator/client/history.ts";
import type { KubeClient } from "../../orchestrator/client/kube-client.ts";
import { pathOf, printedName, resourceByWord } from "../../orchestrator/client/paths.ts";
import { waitForRollout } from "../../orchestrator/client/wait-rollout.ts";
import { addNamespaceFlag, connectCluster, readTargets } from "../cluster/connect.ts";
import { readDuration } from "../duration.ts";
import { formatTable } from "../cluster/print.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";

interface Target {
  readonly client: KubeClient;
  readonly path: string;
  readonly printed: string;
  readonly namespace: string;
}

type Action<Flags> = (context: Context, target: Target, flags: Flags) => Promise<void>;

export function command(context: Context): Command {
  const rollout = new Command().description("Follow and steer the rollout of a deployment");
  rollout.addCommand(
    sub(context, "status", "Wait until the rollout is done", status)
      .option("--timeout <duration>", "longest wait; 0 waits for ever", "0")
      .option("--no-watch", "tell and do not wait"),
  );
  rollout.addCommand(sub(context, "history", "Show the revisions", history));
  rollout.addCommand(sub(context, "undo", "Go back to an earlier revision", undo).option("--to-revision <number>", "which; the one before by default"));
  rollout.addCommand(sub(context, "restart", "Replace all pods by new ones", restart));
  rollout.addCommand(sub(context, "pause", "Hold the rollout", async (_, target) => await pause(context, target, true)));
  rollout.addCommand(sub(context, "resume", "Let the rollout go on", async (_, target) => await pause(context, target, false)));
  return rollout;
}

function sub<Flags extends { readonly namespace: string }>(context: Context, name: string, description: string, action: Action<Flags>): Command {
  return addNamespaceFlag(new Command(name).description(description).argument("<target...>", "deployment/name")).action(
    async (words: readonly string[], flags: Flags) => {
      const [target] = readTargets(words);
      if (target?.name === undefined) throw new UsageError("required resource not specified");
      const resource = resourceByWord(target.kind);
      if (resource.kind !== "Deployment") throw new UsageError(`Cannot roll out ${target.kind}: only deployments are known here`);
      using client = connectCluster(context);
      await action(
        context,
        { client, path: pathOf(resource, flags.namespace, target.name), printed: printedName(resource, target.name), namespace: flags.namespace },
        flags,
      );
    },
  );
}

async function status(
  context: Context,
  { client, path }: Target,
  { timeout, watch }: { readonly namespace: string; readonly timeout: string; readonly watch: boolean },
): Promise<void> {
  const tell = (line: string): void => void context.stdout.write(`${line}\n`);
  if (watch) return await waitForRollout(client, path, { timeout: readDuration(timeout), tell, signal: context.signal });
  const { rolloutState } = await import("../../orchestrator/client/rollout-status.ts");
  tell(rolloutState(await client.send({ path })).message);
}

async function readRevisions({ client, path, namespace }: Target): Promise<ReturnType<typeof revisionsOf>> {
  const deployment = await client.send({ path });
  const { items } = await client.send({ path: pathOf(resourceByWord("replicasets"), namespace) });
  return revisionsOf(deployment, items);
}

async function history(context: Context, target: Target): Promise<void> {
  const rows = (await readRevisions(target)).map(({ revision, cause }) => ({ cells: [revision, cause] }));
  const columnDefinitions = ["Revision", "Change-Cause"].map((name) => ({ name, priority: 0 }));
  context.stdout.write(`${target.printed}\n${formatTable({ columnDefinitions, rows }, { wide: false, namespaces: false, headers: true })}`);
}

async function undo(context: Context, target: Target, { toRevision }: { readonly namespace: string; readonly toRevision?: string }): Promise<void> {
  const wanted = toRevision === undefined || toRevision === "0" ? undefined : Number(toRevision);
  const template = templateOf(await readRevisions(target), wanted);
  await target.client.send({
    method: "PATCH",
    path: target.path,
    body: [{ op: "replace", path: "/spec/template", value: template }],
    contentType: "application/json-patch+json",
  });
  context.stdout.write(`${target.printed} rolled back\n`);
}

async function restart(context: Context, { client, path, printed }: Target): Promise<void> {
  const annotations = { "kubectl.kubernetes.io/restartedAt": new Date().toISOString() };
  await client.send({
    method: "PATCH",
    path,
    body: { spec: { template: { metadata: { annotations } } } },
    contentType: "application/strategic-merge-patch+json",
  });
  context.stdout.write(`${printed} restarted\n`);
}

async function pause(context: Context, { client, path, printed }: Target, paused: boolean): Promise<void> {
  await client.send({ method: "PATCH", path, body: { spec: { paused } }, contentType: "application/merge-patch+json" });
  context.stdout.write(`${printed} ${paused ? "paused" : "resumed"}\n`);
}
