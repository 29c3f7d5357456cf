/** The revisions of what rolls: a Deployment's are its ReplicaSets, the others' are ControllerRevisions. Decides, and does nothing. */
import { REVISION, revisionOf } from "../controllers/deployment/annotations.ts";
import { HASH_LABEL } from "../controllers/deployment/sets.ts";
import { isControlledBy } from "../controllers/owner.ts";
import type { KubeObject } from "../cluster.ts";
import { ClientError } from "./errors.ts";

export interface Revision {
  readonly revision: number;
  readonly cause: string;
  /** Holds the template. */
  readonly kept: KubeObject;
}

/** A patch of the object that goes back to a revision. */
export interface Rollback {
  readonly body: unknown;
  readonly contentType: string;
}

/** The resource that keeps the revisions of a kind. */
export function keeperOf(kind: string): string {
  return kind === "Deployment" ? "replicasets" : "controllerrevisions";
}

/** Oldest first. `kept`: of the owner's namespace, of the resource that keeps its revisions. */
export function revisionsOf(owner: KubeObject, kept: readonly KubeObject[]): readonly Revision[] {
  return kept
    .filter((each) => isControlledBy(each, owner) && (isRevision(each) || each.metadata.annotations?.[REVISION] !== undefined))
    .map((each) => ({
      revision: isRevision(each) ? each["revision"] : revisionOf(each),
      cause: each.metadata.annotations?.["kubernetes.io/change-cause"] ?? "<none>",
      kept: each,
    }))
    .toSorted((left, right) => left.revision - right.revision);
}

/** Back to `wanted`, or to the revision before the present one. @throws {ClientError} `NOT_FOUND` */
export function rollbackTo(revisions: readonly Revision[], wanted: number | undefined): Rollback {
  const found = wanted === undefined ? revisions.at(-2) : revisions.find(({ revision }) => revision === wanted);
  if (found === undefined)
    throw new ClientError(
      "NOT_FOUND",
      wanted === undefined ? "no rollout history found to go back to" : `unable to find specified revision ${wanted} in history`,
    );
  if (isRevision(found.kept)) return { body: found.kept["data"], contentType: "application/strategic-merge-patch+json" };
  return { body: [{ op: "replace", path: "/spec/template", value: templateOf(found.kept) }], contentType: "application/json-patch+json" };
}

function isRevision({ kind, data }: KubeObject): boolean {
  return kind === "ControllerRevision" || data !== undefined;
}

function templateOf(set: KubeObject): unknown {
  const { template } = set.spec;
  const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}
