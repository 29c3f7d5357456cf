/**
 * The history of a StatefulSet's or DaemonSet's template, one ControllerRevision for each content. Decides, and does nothing.
 * Its data is the strategic merge patch that `kubectl rollout undo` sends to go back. Spec: Kubernetes documentation, "ControllerRevision".
 */
import { isDeepStrictEqual } from "node:util";
import type { Draft, KubeObject } from "../../cluster.ts";
import { hashObject } from "../names.ts";
import { controllerReference } from "../owner.ts";
import type { PodTemplate } from "../pod-template.ts";

export type RevisionPlan =
  | { readonly kind: "keep"; readonly revision: KubeObject }
  /** An earlier content is back: the same object becomes the newest. */
  | { readonly kind: "renumber"; readonly revision: KubeObject; readonly number: number }
  | { readonly kind: "create"; readonly draft: Draft };

export interface RevisionOptions {
  /** Label of a revision that holds its hash. */
  readonly hashLabel: string;
  /** Grows when another content holds the name, so that the next hash differs. */
  readonly collisions: number;
}

/** Longest base of a name: a dash and the hash follow. */
const MAX_BASE = 223;

/** The revision of the owner's template as it is now. */
export function planRevision(owner: KubeObject, revisions: readonly KubeObject[], options: RevisionOptions): RevisionPlan {
  const data = dataOf(owner);
  const sorted = sortRevisions(revisions);
  const newest = sorted.at(-1);
  const equal = sorted.findLast((revision) => isDeepStrictEqual(revision["data"], data));
  if (equal !== undefined && equal === newest) return { kind: "keep", revision: equal };
  const number = 1 + (newest === undefined ? 0 : numberOf(newest));
  return equal === undefined ? { kind: "create", draft: draftRevision(owner, data, number, options) } : { kind: "renumber", revision: equal, number };
}

/** Those that no pod and no status needs, beyond `limit`, oldest first. */
export function surplusRevisions(revisions: readonly KubeObject[], live: ReadonlySet<string>, limit: number): readonly KubeObject[] {
  const idle = sortRevisions(revisions).filter(({ metadata }) => !live.has(metadata.name) && metadata.deletionTimestamp === undefined);
  return idle.slice(0, Math.max(0, idle.length - limit));
}

/** Oldest first. */
export function sortRevisions(revisions: readonly KubeObject[]): readonly KubeObject[] {
  return revisions.toSorted(
    (left, right) => numberOf(left) - numberOf(right) || left.metadata.creationTimestamp.localeCompare(right.metadata.creationTimestamp),
  );
}

export function numberOf(revision: KubeObject): number {
  return revision["revision"];
}

export function templateOf(revision: KubeObject): PodTemplate {
  const { $patch: _, ...template } = revision["data"].spec.template;
  return template;
}

/** Whether the content is the owner's template of now. */
export function holdsTemplate(revision: KubeObject, owner: KubeObject): boolean {
  return isDeepStrictEqual(revision["data"], dataOf(owner));
}

function dataOf({ spec }: KubeObject): unknown {
  return { spec: { template: { ...spec.template, $patch: "replace" } } };
}

function draftRevision(owner: KubeObject, data: unknown, revision: number, { hashLabel, collisions }: RevisionOptions): Draft {
  const { name, namespace, annotations } = owner.metadata;
  const hash = hashObject([data, collisions]);
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${name.slice(0, MAX_BASE)}-${hash}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...owner.spec.template.metadata?.labels, [hashLabel]: hash },
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [controllerReference(owner)],
    },
    data,
    revision,
  };
}
