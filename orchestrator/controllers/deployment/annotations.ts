/** The annotations by which a Deployment and its ReplicaSets remember revisions and sizes. Spec: Kubernetes documentation, "Deployments". */
import type { KubeObject } from "../../cluster.ts";

export const REVISION = "deployment.kubernetes.io/revision";
const REVISION_HISTORY = "deployment.kubernetes.io/revision-history";
const DESIRED = "deployment.kubernetes.io/desired-replicas";
const MAX = "deployment.kubernetes.io/max-replicas";
/** These belong to the set itself: never copied from the Deployment. */
const OWN: ReadonlySet<string> = new Set(["kubectl.kubernetes.io/last-applied-configuration", REVISION, REVISION_HISTORY, DESIRED, MAX]);

export type Annotations = Readonly<Record<string, string>>;

export function annotationsOf(object: KubeObject): Annotations {
  return object.metadata.annotations ?? {};
}

export function revisionOf(object: KubeObject): number {
  return Number(annotationsOf(object)[REVISION] ?? 0);
}

/** Undefined when the set was never sized by a Deployment. */
export function desiredReplicasOf(set: KubeObject): number | undefined {
  return countOf(annotationsOf(set)[DESIRED]);
}

export function maxReplicasOf(set: KubeObject): number | undefined {
  return countOf(annotationsOf(set)[MAX]);
}

export function sizeAnnotations(desired: number, max: number): Annotations {
  return { [DESIRED]: String(desired), [MAX]: String(max) };
}

/** What the new set carries: the Deployment's own annotations, and its revision raised to `revision` when that is higher. */
export function newSetAnnotations(deployment: KubeObject, current: Annotations, revision: number): Annotations {
  const copied = Object.fromEntries(Object.entries(annotationsOf(deployment)).filter(([key]) => !OWN.has(key)));
  const before = current[REVISION];
  const merged = { ...current, ...copied };
  if (before !== undefined && Number(before) >= revision) return merged;
  const history = [current[REVISION_HISTORY], before].filter((part) => part !== undefined && part !== "").join(",");
  return { ...merged, [REVISION]: String(revision), ...(history === "" ? {} : { [REVISION_HISTORY]: history }) };
}

function countOf(text: string | undefined): number | undefined {
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}
