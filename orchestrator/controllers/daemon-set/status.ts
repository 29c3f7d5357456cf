/** What a DaemonSet reports of its nodes. Decides, and does nothing. */
import type { KubeObject } from "../../cluster.ts";
import { isAvailable, isReady } from "../pods.ts";
import type { Place } from "./nodes.ts";
import { HASH_LABEL } from "./template.ts";

/** Of each node its oldest pod counts. As the API prints it: some counts of zero are left out. */
export function daemonSetStatus(
  set: KubeObject,
  places: readonly Place[],
  { hash, collisions, now }: { readonly hash: string; readonly collisions: number; readonly now: number },
): Readonly<Record<string, unknown>> {
  const wanted = places.filter((place) => place.wanted);
  const pods = wanted.flatMap(({ pods: [first] }) => (first === undefined ? [] : [first]));
  const ready = pods.filter(isReady);
  const available = ready.filter((pod) => isAvailable(pod, set.spec.minReadySeconds ?? 0, now)).length;
  const optional = {
    updatedNumberScheduled: pods.filter(({ metadata }) => metadata.labels?.[HASH_LABEL] === hash).length,
    numberAvailable: available,
    numberUnavailable: wanted.length - available,
    collisionCount: collisions,
  };
  return {
    currentNumberScheduled: pods.length,
    numberMisscheduled: places.filter((place) => !place.wanted && place.pods.length > 0).length,
    desiredNumberScheduled: wanted.length,
    numberReady: ready.length,
    observedGeneration: set.metadata.generation ?? 1,
    ...Object.fromEntries(Object.entries(optional).filter(([, count]) => count > 0)),
  };
}
