/** Lets go of pods that wait to be counted by a Job that is no more, or is no longer theirs. */
import type { Cluster, KubeObject, ObjectKey, WatchEvent } from "../../cluster.ts";
import { keyOf, type Controller } from "../controller.ts";
import { findOwner } from "../find-owner.ts";
import { controllerOf } from "../owner.ts";
import type { Collaborators } from "../collaborators.ts";
import { isTracked } from "./job-pods.ts";
import { JOBS } from "./reconcile.ts";
import { untrack } from "./track.ts";

export function jobOrphanPods({ cluster }: Pick<Collaborators, "cluster">): Controller {
  return {
    name: "job-orphan-pods",
    watches: {
      pods: ({ type, object }) => (type !== "DELETED" && isTracked(object) ? [keyOf(object)] : []),
      [JOBS]: (event) => podsOf(cluster, event),
    },
    async reconcile(key) {
      const pod = cluster.get("pods", key);
      if (pod !== undefined && isTracked(pod) && !hasJob(cluster, pod)) await untrack(cluster, pod);
    },
  };
}

function podsOf(cluster: Cluster, { type, object: job }: WatchEvent): ObjectKey[] {
  if (type !== "DELETED") return [];
  return cluster
    .list("pods", job.metadata.namespace)
    .filter((pod) => isTracked(pod) && controllerOf(pod)?.uid === job.metadata.uid)
    .map(keyOf);
}

function hasJob(cluster: Cluster, pod: KubeObject): boolean {
  const owner = controllerOf(pod);
  return owner?.kind === "Job" && typeof findOwner(cluster, pod, owner) === "object";
}
