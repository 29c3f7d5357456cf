/** Keeps EndpointSlices and the older Endpoints of every Service that selects pods. The shell around `planSlices`. */
import type { Cluster, KubeObject, ObjectKey, WatchEvent } from "../../cluster.ts";
import { equal } from "../../schema/equal.ts";
import { hasReason, keyOf, type Controller } from "../controller.ts";
import { holds } from "../labels.ts";
import { controllerReference, isControlledBy } from "../owner.ts";
import type { Collaborators } from "../collaborators.ts";
import { OVER_CAPACITY, planEndpoints } from "./legacy-plan.ts";
import { hasSelector, planSlices, SLICES, type SliceDraft } from "./plan.ts";
import { writeSlices } from "./write-slices.ts";

const MANAGER = "endpointslice-controller.k8s.io";

export function endpointsController({ cluster }: Collaborators): Controller {
  return {
    name: "endpoints",
    workers: 4,
    watches: {
      services: ({ object }) => [keyOf(object)],
      pods: (event) => servicesOf(cluster, event),
    },
    reconcile: async (key) => await reconcile(key, cluster),
  };
}

function servicesOf(cluster: Cluster, { object, previous }: WatchEvent): ObjectKey[] {
  return cluster
    .list("services", object.metadata.namespace)
    .filter(({ spec }) => spec?.selector !== undefined && [object, previous].some((pod) => pod !== undefined && holds(pod.metadata.labels, spec.selector)))
    .map(keyOf);
}

async function reconcile(key: ObjectKey, cluster: Cluster): Promise<void> {
  const service = cluster.get("services", key);
  if (service === undefined || !hasSelector(service) || service.metadata.deletionTimestamp !== undefined) return;
  const planned = planSlices(service, cluster.list("pods", key.namespace));
  const drafts = planned.length > 0 ? planned : [{ ports: [], endpoints: [] }];
  const existing = cluster.list(SLICES, key.namespace).filter((slice) => isControlledBy(slice, service));
  await writeSlices(cluster, { owner: service, labels: headless(service), manager: MANAGER, existing, drafts });
  await writeEndpoints(service, drafts, cluster);
}

async function writeEndpoints(service: KubeObject, drafts: readonly SliceDraft[], cluster: Cluster): Promise<void> {
  const key = keyOf(service);
  const { subsets, truncated } = planEndpoints(drafts);
  const labels = { ...service.metadata.labels, ...headless(service) };
  const annotations = truncated ? { [OVER_CAPACITY]: "truncated" } : {};
  const written = await cluster.modify("endpoints", key, (current) => {
    const { [OVER_CAPACITY]: _, ...others } = current.metadata.annotations ?? {};
    const metadata = { ...current.metadata, labels, annotations: { ...others, ...annotations } };
    const before = [current["subsets"] ?? [], current.metadata.labels ?? {}, current.metadata.annotations ?? {}];
    return equal(before, [subsets, metadata.labels, metadata.annotations]) ? current : { ...current, metadata, subsets };
  });
  if (written !== undefined) return;
  try {
    await cluster.create("endpoints", {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { ...metadataOf(key), labels, annotations, ownerReferences: [controllerReference(service)] },
      subsets,
    });
  } catch (error) {
    if (!hasReason(error, "AlreadyExists")) throw error;
  }
}

/** Clients of headless services find them by it. */
function headless({ spec }: KubeObject): Readonly<Record<string, string>> {
  return spec.clusterIP === "None" ? { "service.kubernetes.io/headless": "" } : {};
}

function metadataOf({ namespace, name }: ObjectKey): { readonly name: string; readonly namespace?: string } {
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}
