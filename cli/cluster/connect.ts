/** What the cluster verbs share: the client of this root's cluster (or of KUBECONFIG's), and the flags that all have. */
import type { Command } from "commander";
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
