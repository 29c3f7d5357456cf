/** An object in words, as `kubectl describe` lays it out, and what happened to it. What is around it is asked for by kind. */
import type { KubeClient } from "../../orchestrator/client/kube-client.ts";
import { pathOf, resourceByWord } from "../../orchestrator/client/paths.ts";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { describeAny } from "./describe-any.ts";
import { describeDeployment } from "./describe-deployment.ts";
import { describeNode } from "./describe-node.ts";
import { describePod } from "./describe-pod.ts";
import { describeReplicaSet } from "./describe-replica-set.ts";
import { describeService } from "./describe-service.ts";
import { eventLines } from "./events.ts";
import { alignTabs } from "./tabs.ts";

/** `now` in milliseconds since the epoch. */
export async function describeObject(client: KubeClient, object: KubeObject, now: number): Promise<string> {
  // What happened to a node is told of its name: the node agent knows no uid when it starts.
  const key = object.kind === "Node" ? `involvedObject.kind=Node,involvedObject.name=${object.metadata.name}` : `involvedObject.uid=${object.metadata.uid}`;
  const [lines, events] = await Promise.all([
    linesOf(client, object, now),
    itemsOf(client, "events", object.metadata.namespace, `fieldSelector=${encodeURIComponent(key)}`),
  ]);
  return `${alignTabs([...lines, ...eventLines(events, now)]).join("\n")}\n`;
}

async function linesOf(client: KubeClient, object: KubeObject, now: number): Promise<readonly string[]> {
  const { name, namespace } = object.metadata;
  switch (`${object.kind}.${object.apiVersion}`) {
    case "Pod.v1":
      return describePod(object, now);
    case "Deployment.apps/v1":
      return describeDeployment(object, await itemsOf(client, "replicasets", namespace));
    case "ReplicaSet.apps/v1":
      return describeReplicaSet(object, await itemsOf(client, "pods", namespace));
    case "Service.v1":
      return describeService(
        object,
        await itemsOf(client, "endpointslices", namespace, `labelSelector=${encodeURIComponent(`kubernetes.io/service-name=${name}`)}`),
      );
    case "Node.v1":
      return describeNode(
        object,
        {
          pods: await itemsOf(client, "pods", undefined, `fieldSelector=${encodeURIComponent(`spec.nodeName=${name}`)}`),
          lease: await client.find(pathOf(resourceByWord("leases"), "kube-node-lease", name)),
        },
        now,
      );
    default:
      return describeAny(object);
  }
}

async function itemsOf(client: KubeClient, word: string, namespace: string | undefined, query = ""): Promise<readonly KubeObject[]> {
  const { items } = await client.list({ path: `${pathOf(resourceByWord(word), namespace)}${query === "" ? "" : `?${query}`}` });
  return items;
}
