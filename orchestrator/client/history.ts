/** The revisions of a Deployment, as its ReplicaSets keep them. Decides, and does nothing. */
import { REVISION, revisionOf } from "../controllers/deployment/annotations.ts";
import { HASH_LABEL } from "../controllers/deployment/sets.ts";
import { isControlledBy } from "../controllers/owner.ts";
import type { KubeObject } from "../cluster.ts";
import { ClientError } from "./errors.ts";

export interface Revision {
  readonly revision: number;
  readonly cause: string;
  readonly set: KubeObject;
}

/** Oldest first. */
export function revisionsOf(deployment: KubeObject, sets: readonly KubeObject[]): readonly Revision[] {
  return sets
    .filter((set) => isControlledBy(set, deployment) && set.metadata.annotations?.[REVISION] !== undefined)
    .map((set) => ({ revision: revisionOf(set), cause: set.metadata.annotations?.["kubernetes.io/change-cause"] ?? "<none>", set }))
    .toSorted((left, right) => left.revision - right.revision);
}

/** The template to go back to: of `wanted`, or of the revision before the present one. @throws {ClientError} `NOT_FOUND` */
export function templateOf(revisions: readonly Revision[], wanted: number | undefined): unknown {
  const found = wanted === undefined ? revisions.at(-2) : revisions.find(({ revision }) => revision === wanted);
  if (found === undefined)
    throw new ClientError(
      "NOT_FOUND",
      wanted === undefined ? "error: no rollout history found to go back to" : `error: unable to find specified revision ${wanted} in history`,
    );
  const { template } = found.set.spec;
  const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}
