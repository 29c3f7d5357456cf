/** What the cluster verbs share: the client of this root's cluster (or of KUBECONFIG's), and the flags that all have. */
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { ClientError } from "../../orchestrator/client/errors.ts";
import { openKubeClient, type KubeClient } from "../../orchestrator/client/kube-client.ts";
import { kubeconfigPath } from "../../orchestrator/folders.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";

export function addNamespaceFlag(command: Command): Command {
  return command.option("-n, --namespace <name>", "namespace", "default");
}

/** This root's own cluster comes first; KUBECONFIG is for those who have another. */
export function connectCluster(context: Context): KubeClient {
  return openKubeClient(kubeconfigPath(context.root));
}

/** How long is waited for a cluster that somebody may be about to start, and for one whose process is there. */
const PATIENCE_MS = 5000;
const STARTING_MS = 120_000;
const LOOK_MS = 100;

/** As `connectCluster`, for verbs that are often typed right after `strata up &`. @throws {ClientError} `CLUSTER_DOWN` when it does not come up */
export async function reachCluster(context: Context): Promise<KubeClient> {
  for (let begun = 0; ; await delay(LOOK_MS, undefined, { signal: context.signal })) {
    try {
      const client = connectCluster(context);
      try {
        await client.send({ path: "/livez", signal: context.signal });
        return client;
      } catch (error) {
        client[Symbol.dispose]();
        throw error;
      }
    } catch (error) {
      if (!(error instanceof ClientError && error.code === "CLUSTER_DOWN") || (begun !== 0 && (await isTooLate(context, begun)))) throw error;
      if (begun === 0) {
        begun = Date.now();
        context.stderr.write("Waiting for the cluster to start\n");
      }
    }
  }
}

async function isTooLate({ root }: Context, begun: number): Promise<boolean> {
  const waited = Date.now() - begun;
  if (waited <= PATIENCE_MS) return false;
  const { readProcessFile } = await import("../../orchestrator/process-file.ts");
  return waited > STARTING_MS || readProcessFile(root) === undefined;
}

/** `pod web`, `pod/web deploy/x`, `pods`: pairs of kind and name; a kind alone has none. */
export function readTargets(words: readonly string[]): readonly { readonly kind: string; readonly name: string | undefined }[] {
  const [first = "", ...rest] = words;
  if (words.some((word) => word.includes("/"))) {
    return words.map((word) => {
      const [kind = "", name, more] = word.split("/");
      if (more !== undefined) throw new UsageError("arguments in resource/name form may not have more than one slash");
      if (name === undefined || name === "")
        throw new UsageError("there is no need to specify a resource type as a separate argument when passing arguments in resource/name form");
      return { kind, name };
    });
  }
  const kinds = first.split(",");
  return rest.length === 0 ? kinds.map((kind) => ({ kind, name: undefined })) : kinds.flatMap((kind) => rest.map((name) => ({ kind, name })));
}
