/** Makes the claim of each generic ephemeral volume; it is the pod's, and goes with it. Spec: Kubernetes documentation, "Ephemeral Volumes". */
import type { Draft, KubeObject, ObjectKey, ObjectMeta } from "../cluster.ts";
import { messageOf } from "../errors.ts";
import { claimNameOf, claimNames, foreignClaim, type PodVolume } from "../storage/claims.ts";
import { CLAIMS } from "../storage/names.ts";
import { hasReason, keyOf, type Controller } from "./controller.ts";
import { controllerReference } from "./owner.ts";
import type { Collaborators } from "./collaborators.ts";

export function ephemeralVolumes(room: Collaborators): Controller {
  const { cluster } = room;
  return {
    name: "ephemeral-volume",
    watches: {
      pods: ({ type, object }) => (type === "ADDED" && volumesOf(object).some(({ ephemeral }) => ephemeral !== undefined) ? [keyOf(object)] : []),
      [CLAIMS]: ({ type, object }) =>
        type === "DELETED"
          ? cluster
              .list("pods", object.metadata.namespace)
              .filter((pod) => claimNames(pod).includes(object.metadata.name))
              .map(keyOf)
          : [],
    },
    reconcile: async (key) => await reconcile(key, room),
  };
}

async function reconcile(key: ObjectKey, { cluster, recorder }: Collaborators): Promise<void> {
  const pod = cluster.get("pods", key);
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
  for (const volume of volumesOf(pod)) {
    if (volume.ephemeral === undefined) continue;
    const draft = draftClaim(pod, volume);
    const there = cluster.get(CLAIMS, { namespace: key.namespace, name: draft.metadata.name ?? "" });
    const problem = there === undefined ? undefined : foreignClaim(pod, there);
    try {
      if (problem !== undefined) throw new Error(problem);
      if (there === undefined) await cluster.create(CLAIMS, draft);
    } catch (error) {
      if (hasReason(error, "AlreadyExists")) continue;
      recorder.record(pod, "Warning", "FailedBinding", `ephemeral volume ${volume.name}: ${messageOf(error)}`);
      throw error;
    }
  }
}

function volumesOf(pod: KubeObject): readonly PodVolume[] {
  return pod.spec.volumes ?? [];
}

interface ClaimTemplate {
  readonly metadata?: Pick<ObjectMeta, "labels" | "annotations">;
  readonly spec: unknown;
}

function draftClaim(pod: KubeObject, volume: PodVolume): Draft {
  const template = volume.ephemeral?.volumeClaimTemplate as ClaimTemplate;
  const { metadata = {}, spec } = template;
  const { labels, annotations } = metadata;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name: claimNameOf(pod, volume) ?? "",
      ...(pod.metadata.namespace === undefined ? {} : { namespace: pod.metadata.namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [controllerReference(pod)],
    },
    spec,
  };
}
