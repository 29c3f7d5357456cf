/** Mirrors Endpoints that users keep to EndpointSlices, which is all that the proxy and the name server read. The shell around `planMirror`. */
import type { Cluster, ObjectKey } from "../../cluster.ts";
import { keyOf, type Controller } from "../controller.ts";
import type { Collaborators } from "../collaborators.ts";
import { isMirrored, planMirror } from "./mirror-plan.ts";
import { SERVICE_LABEL, SLICES } from "./plan.ts";
import { MANAGED_BY, writeSlices } from "./write-slices.ts";

const MANAGER = "endpointslicemirroring-controller.k8s.io";

export function mirrorController({ cluster }: Collaborators): Controller {
  return {
    name: "endpointslice-mirroring",
    watches: {
      endpoints: ({ object }) => [keyOf(object)],
      services: ({ object }) => [keyOf(object)],
    },
    reconcile: async (key) => await reconcile(key, cluster),
  };
}

async function reconcile(key: ObjectKey, cluster: Cluster): Promise<void> {
  const endpoints = cluster.get("endpoints", key);
  const existing = cluster
    .list(SLICES, key.namespace)
    .filter(({ metadata }) => metadata.labels?.[SERVICE_LABEL] === key.name && metadata.labels[MANAGED_BY] === MANAGER);
  if (endpoints === undefined || !isMirrored(cluster.get("services", key), endpoints)) {
    for (const slice of existing) await cluster.delete(SLICES, keyOf(slice));
    return;
  }
  await writeSlices(cluster, { owner: endpoints, manager: MANAGER, existing, drafts: planMirror(endpoints) });
}
