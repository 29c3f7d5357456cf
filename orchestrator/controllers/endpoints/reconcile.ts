/** Keeps EndpointSlices and the older Endpoints of every Service that selects pods. The shell around `planSlices`. */
import type { Cluster, KubeObject, ObjectKey, WatchEvent } from "../../cluster.ts";
import { equal } from "../../schema/equal.ts";
import { hasReason, keyOf, type Controller } from "../controller.ts";
import { holds } from "../labels.ts";
import { controllerReference, isControlledBy } from "../owner.ts";
import type { Collaborators } from "../replica-set/reconcile.ts";
import { planSlices, type SliceDraft } from "./plan.ts";

const SLICES = "endpointslices.discovery.k8s.io";
const SERVICE_LABEL = "kubernetes.io/service-name";
const MANAGER = { "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io" };

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
  if (service?.spec?.selector === undefined || service.metadata.deletionTimestamp !== undefined) return;
  const drafts = planSlices(service, cluster.list("pods", key.namespace));
  await writeSlices(service, drafts.length > 0 ? drafts : [{ ports: [], endpoints: [] }], cluster);
  await writeEndpoints(service, drafts, cluster);
}

async function writeSlices(service: KubeObject, drafts: readonly SliceDraft[], cluster: Cluster): Promise<void> {
  const existing = cluster
    .list(SLICES, service.metadata.namespace)
    .filter((slice) => isControlledBy(slice, service))
    .toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1));
  for (const [index, draft] of drafts.entries()) {
    const slice = existing[index];
    if (slice === undefined) await cluster.create(SLICES, sliceOf(service, draft));
    else
      await cluster.modify(SLICES, keyOf(slice), (current) =>
        equal([current["ports"], current["endpoints"]], [draft.ports, draft.endpoints]) ? current : { ...current, ...draft },
      );
  }
  for (const slice of existing.slice(drafts.length)) await cluster.delete(SLICES, keyOf(slice));
}

function sliceOf(service: KubeObject, draft: SliceDraft): Parameters<Cluster["create"]>[1] {
  const { name, namespace } = service.metadata;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      generateName: `${name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...service.metadata.labels, [SERVICE_LABEL]: name, ...MANAGER },
      ownerReferences: [controllerReference(service)],
    },
    addressType: "IPv4",
    ...draft,
  };
}

async function writeEndpoints(service: KubeObject, drafts: readonly SliceDraft[], cluster: Cluster): Promise<void> {
  const key = keyOf(service);
  const subsets = drafts.map(({ ports, endpoints }) => {
    const alive = endpoints.filter(({ conditions }) => !conditions.terminating);
    const address = ({ addresses, targetRef, nodeName }: (typeof endpoints)[number]): unknown => ({
      ip: addresses[0],
      ...(nodeName === undefined ? {} : { nodeName }),
      targetRef,
    });
    const ready = alive.filter(({ conditions }) => conditions.ready).map(address);
    const unready = alive.filter(({ conditions }) => !conditions.ready).map(address);
    return {
      ...(ready.length === 0 ? {} : { addresses: ready }),
      ...(unready.length === 0 ? {} : { notReadyAddresses: unready }),
      ports: ports.map((port) => (port.name === "" ? { port: port.port, protocol: port.protocol } : port)),
    };
  });
  const filled = subsets.filter((subset) => "addresses" in subset || "notReadyAddresses" in subset);
  const written = await cluster.modify("endpoints", key, (current) => (equal(current["subsets"] ?? [], filled) ? current : { ...current, subsets: filled }));
  if (written !== undefined) return;
  try {
    await cluster.create("endpoints", {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { ...metadataOf(key), labels: service.metadata.labels ?? {}, ownerReferences: [controllerReference(service)] },
      subsets: filled,
    });
  } catch (error) {
    if (!hasReason(error, "AlreadyExists")) throw error;
  }
}

function metadataOf({ namespace, name }: ObjectKey): { readonly name: string; readonly namespace?: string } {
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}
