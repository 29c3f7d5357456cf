/** Empties a namespace that is being deleted, then lets it go. Spec: Kubernetes documentation, "Namespaces". */
import type { Cluster, KubeObject, ObjectKey } from "../../cluster.ts";
import { equal } from "../../schema/equal.ts";
import { nameOf } from "../../schema/resource.ts";
import { resources } from "../../schema/resources.ts";
import { formatTime } from "../clock.ts";
import { setCondition, type Condition } from "../conditions.ts";
import { keyOf, type Controller } from "../controller.ts";
import type { Outcome } from "../loop.ts";
import type { Collaborators } from "../replica-set/reconcile.ts";

const LOOK_AGAIN_MS = 250;

export function namespaceController(room: Collaborators): Controller {
  return {
    name: "namespace",
    watches: { namespaces: ({ type, object }) => (type !== "DELETED" && object.metadata.deletionTimestamp !== undefined ? [keyOf(object)] : []) },
    reconcile: async (key) => await reconcile(key, room),
  };
}

async function reconcile(key: ObjectKey, room: Collaborators): Promise<Outcome | void> {
  const { cluster } = room;
  const namespace = cluster.get("namespaces", key);
  if (namespace?.metadata.deletionTimestamp === undefined) return;
  const left = await empty(cluster, key.name);
  await tellRemaining(key, left, room);
  if (left.length > 0) return { requeueAfter: LOOK_AGAIN_MS };
  await cluster.modify("namespaces", key, (current) => ({
    ...current,
    spec: { ...current.spec, finalizers: (current.spec?.finalizers ?? []).filter((one: string) => one !== "kubernetes") },
  }));
}

/** Asks for the deletion of everything, owners before what they own; returns what is still there. */
async function empty(cluster: Cluster, namespace: string): Promise<readonly KubeObject[]> {
  const left: KubeObject[] = [];
  for (const row of resources.filter(({ namespaced, verbs }) => namespaced && verbs.includes("delete"))) {
    for (const object of cluster.list(nameOf(row), namespace)) {
      if (object.metadata.deletionTimestamp === undefined) await cluster.delete(nameOf(row), keyOf(object), { propagationPolicy: "Background" });
      const still = cluster.get(nameOf(row), keyOf(object));
      if (still !== undefined) left.push(still);
    }
  }
  return left;
}

async function tellRemaining(key: ObjectKey, left: readonly KubeObject[], { cluster, clock }: Collaborators): Promise<void> {
  const counts = new Map<string, number>();
  for (const { kind } of left) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const some = [...counts].map(([kind, count]) => `${kind.toLowerCase()}s. has ${count} resource instances`).join(", ");
  const condition: Condition =
    left.length === 0
      ? { type: "NamespaceContentRemaining", status: "False", reason: "ContentRemoved", message: "All content successfully removed" }
      : { type: "NamespaceContentRemaining", status: "True", reason: "SomeResourcesRemain", message: `Some resources are remaining: ${some}` };
  await cluster.modify(
    "namespaces",
    key,
    (current) => {
      const status = {
        ...current.status,
        phase: "Terminating",
        conditions: setCondition(current.status?.conditions ?? [], condition, formatTime(clock.now())),
      };
      return equal(status, current.status) ? current : { ...current, status };
    },
    { status: true },
  );
}
