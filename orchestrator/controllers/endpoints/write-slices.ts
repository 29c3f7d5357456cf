/** Brings the EndpointSlices of one service to what was planned: those that are there are changed before others are made or removed. */
import type { Cluster, Draft, KubeObject } from "../../cluster.ts";
import { equal } from "../../schema/equal.ts";
import { keyOf } from "../controller.ts";
import { controllerReference } from "../owner.ts";
import { SERVICE_LABEL, SLICES, type SliceDraft } from "./plan.ts";

export const MANAGED_BY = "endpointslice.kubernetes.io/managed-by";

export interface SlicesWanted {
  /** Has the service's name, and owns the slices. */
  readonly owner: KubeObject;
  readonly labels?: Readonly<Record<string, string>>;
  readonly manager: string;
  readonly existing: readonly KubeObject[];
  readonly drafts: readonly SliceDraft[];
}

export async function writeSlices(cluster: Cluster, { owner, labels: more = {}, manager, existing, drafts }: SlicesWanted): Promise<void> {
  const sorted = existing.toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1));
  const labels = { ...owner.metadata.labels, ...more, [SERVICE_LABEL]: owner.metadata.name, [MANAGED_BY]: manager };
  for (const [index, draft] of drafts.entries()) {
    const slice = sorted[index];
    if (slice === undefined) await cluster.create(SLICES, sliceOf(owner, labels, draft));
    else
      await cluster.modify(SLICES, keyOf(slice), (current) =>
        equal([current["ports"], current["endpoints"], current.metadata.labels], [draft.ports, draft.endpoints, labels])
          ? current
          : { ...current, ...draft, metadata: { ...current.metadata, labels } },
      );
  }
  for (const slice of sorted.slice(drafts.length)) await cluster.delete(SLICES, keyOf(slice));
}

function sliceOf(owner: KubeObject, labels: Readonly<Record<string, string>>, draft: SliceDraft): Draft {
  const { name, namespace } = owner.metadata;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { generateName: `${name}-`, ...(namespace === undefined ? {} : { namespace }), labels, ownerReferences: [controllerReference(owner)] },
    addressType: "IPv4",
    ...draft,
  };
}
