/** Keeps the status of each ResourceQuota: what it limits, and how much of that is used. Admission counts for itself (objects/quota/check.ts). */
import type { Cluster, KubeObject, ObjectKey, ResourceName, WatchEvent } from "../cluster.ts";
import { formatAmounts } from "../objects/quota/amounts.ts";
import { usageOf } from "../objects/quota/usage.ts";
import { usedOf } from "../objects/quota/quota.ts";
import { equal } from "../schema/equal.ts";
import { nameOf } from "../schema/resource.ts";
import { resources } from "../schema/resources.ts";
import { keyOf, type Controller } from "./controller.ts";

const QUOTAS = "resourcequotas";
/** Kinds that are written often and limited by nobody. */
const IGNORED: ReadonlySet<ResourceName> = new Set(["events", "leases.coordination.k8s.io", "endpoints", "endpointslices.discovery.k8s.io"]);

export function resourceQuotaController(room: { readonly cluster: Cluster }): Controller {
  const { cluster } = room;
  const counted = resources.filter(({ namespaced, verbs }) => namespaced && verbs.includes("watch")).map(nameOf);
  return {
    name: "resource-quota",
    watches: Object.fromEntries(
      counted
        .filter((name) => !IGNORED.has(name))
        .map((name) => [name, (event: WatchEvent) => (name === QUOTAS ? [keyOf(event.object)] : quotasOf(cluster, name, event))]),
    ),
    reconcile: async (key) => await reconcile(key, cluster),
  };
}

/** All of the namespace, when the object takes another part of them than before. */
function quotasOf(cluster: Cluster, resource: ResourceName, { type, object, previous }: WatchEvent): readonly ObjectKey[] {
  const quotas = cluster.list(QUOTAS, object.metadata.namespace);
  if (quotas.length === 0) return [];
  if (type === "MODIFIED" && previous !== undefined && equal(formatAmounts(usageOf(resource, object)), formatAmounts(usageOf(resource, previous)))) return [];
  return quotas.map(keyOf);
}

async function reconcile(key: ObjectKey, cluster: Cluster): Promise<void> {
  await cluster.modify(
    QUOTAS,
    key,
    (current: KubeObject) => {
      const status = { hard: current.spec?.hard ?? {}, used: formatAmounts(usedOf(current, (resource, namespace) => cluster.list(resource, namespace))) };
      return equal(status, current.status) ? current : { ...current, status };
    },
    { status: true },
  );
}
