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

/** How long a cluster that is just starting is waited for. */
const PATIENCE_MS = 5000;
const LOOK_MS = 100;

/** As `connectCluster`, for verbs that are often typed right after `strata up &`. @throws {ClientError} `CLUSTER_DOWN` when it does not come up */
export async function reachCluster(context: Context): Promise<KubeClient> {
  for (let deadline = 0; ; await delay(LOOK_MS, undefined, { signal: context.signal })) {
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
      if (!(error instanceof ClientError && error.code === "CLUSTER_DOWN") || (deadline !== 0 && Date.now() > deadline)) throw error;
      if (deadline === 0) {
        deadline = Date.now() + PATIENCE_MS;
        context.stderr.write("Waiting for the cluster to start\n");
      }
    }
  }
}

/** `pod web`, `pod/web deploy/x`, `pods`: pairs of kind and name; a kind alone has none. */
export function readTargets(words: readonly string[]): readonly { readonly kind: string; readonly name: string | undefined }[] {
  const [first = "", ...rest] = words;
  if (words.some((word) => word.includes("/"))) {
    return words.map((word) => {
      const [kind = "", name, more] = word.split("/");
      if (name === undefined || name === "" || more !== undefined)
        throw new UsageError("there is no need to specify a resource type as a separate argument when passing arguments in resource/name form");
      return { kind, name };
    });
  }
  const kinds = first.split(",");
  return rest.length === 0 ? kinds.map((kind) => ({ kind, name: undefined })) : kinds.flatMap((kind) => rest.map((name) => ({ kind, name })));
}
