/** strata rollout status|history|undo|restart|pause|resume KIND/NAME. */
import { Command } from "commander";
import { keeperOf, revisionsOf, rollbackTo } from "../../orchestrator/client/history.ts";
import type { KubeClient } from "../../orchestrator/client/kube-client.ts";
import { pathOf, printedName, resourceByWord } from "../../orchestrator/client/paths.ts";
import { canRoll, rolloutState } from "../../orchestrator/client/rollout-status.ts";
import { waitForRollout } from "../../orchestrator/client/wait-rollout.ts";
import { addNamespaceFlag, connectCluster, readTargets } from "../cluster/connect.ts";
import { alignTabs } from "../describe/tabs.ts";
import { readDuration } from "../duration.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";

interface Target {
  readonly client: KubeClient;
  readonly path: string;
  readonly printed: string;
  readonly namespace: string;
  readonly kind: string;
}

type Action<Flags> = (context: Context, target: Target, flags: Flags) => Promise<void>;

export function command(context: Context): Command {
  const rollout = new Command().description("Follow and steer the rollout of a deployment, a statefulset or a daemonset");
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
  return addNamespaceFlag(new Command(name).description(description).argument("<target...>", "kind/name")).action(
    async (words: readonly string[], flags: Flags) => {
      const [target] = readTargets(words);
      if (target?.name === undefined) throw new UsageError("required resource not specified");
      const resource = resourceByWord(target.kind);
      if (!canRoll(resource.kind)) throw new UsageError(`Cannot roll out ${target.kind}: only deployments, statefulsets and daemonsets roll`);
      using client = connectCluster(context);
      await action(
        context,
        {
          client,
          path: pathOf(resource, flags.namespace, target.name),
          printed: printedName(resource, target.name),
          namespace: flags.namespace,
          kind: resource.kind,
        },
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
  tell(rolloutState(await client.get({ path })).message);
}

async function readRevisions({ client, path, namespace, kind }: Target): Promise<ReturnType<typeof revisionsOf>> {
  const owner = await client.get({ path });
  const { items } = await client.list({ path: pathOf(resourceByWord(keeperOf(kind)), namespace) });
  return revisionsOf(owner, items);
}

async function history(context: Context, target: Target): Promise<void> {
  const rows = (await readRevisions(target)).map(({ revision, cause }) => `${revision}\t${cause === "" ? "<none>" : cause}`);
  context.stdout.write(`${target.printed} \n${alignTabs(["REVISION\tCHANGE-CAUSE", ...rows]).join("\n")}\n\n`);
}

async function undo(context: Context, target: Target, { toRevision }: { readonly namespace: string; readonly toRevision?: string }): Promise<void> {
  const wanted = toRevision === undefined || toRevision === "0" ? undefined : Number(toRevision);
  await target.client.send({ method: "PATCH", path: target.path, ...rollbackTo(await readRevisions(target), wanted) });
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

async function pause(context: Context, { client, path, printed, kind }: Target, paused: boolean): Promise<void> {
  if (kind !== "Deployment") throw new UsageError(`Cannot ${paused ? "pause" : "resume"} ${printed}: only deployments can be held`);
  await client.send({ method: "PATCH", path, body: { spec: { paused } }, contentType: "application/merge-patch+json" });
  context.stdout.write(`${printed} ${paused ? "paused" : "resumed"}\n`);
}
