/** What one look at a Deployment, its sets and their pods asks for: at most one kind of change. Decides, and does nothing. Spec: Kubernetes documentation, "Deployments". */
import { isDeepStrictEqual } from "node:util";
import type { Draft, KubeObject } from "../../cluster.ts";
import { hashObject } from "../names.ts";
import { controllerReference, isControlledBy } from "../owner.ts";
import { isTerminal } from "../pods.ts";
import { holds } from "../labels.ts";
import { annotationsOf, newSetAnnotations, revisionOf, sizeAnnotations, type Annotations } from "./annotations.ts";
import { newSetSize, shrinkOld, type Resize } from "./rolling.ts";
import { isScaling, planScaling } from "./scaling.ts";
import { fences, HASH_LABEL, isRolling, sizeOf, sortSets, type Sets } from "./sets.ts";
import { countSets, deadlineIn, isComplete, planStatus, type DeploymentStatus } from "./status.ts";

export type Action =
  | { readonly kind: "create"; readonly draft: Draft; readonly replicas: number }
  | { readonly kind: "resize"; readonly set: KubeObject; readonly replicas: number; readonly annotations: Annotations }
  | { readonly kind: "annotate"; readonly set: KubeObject; readonly annotations: Annotations; readonly minReadySeconds: number }
  | { readonly kind: "remove"; readonly set: KubeObject };

export interface DeploymentPlan {
  readonly actions: readonly Action[];
  /** Revision that the Deployment's own annotation should show. */
  readonly revision: number | undefined;
  readonly status: DeploymentStatus;
  /** Milliseconds. */
  readonly requeueAfter: number | undefined;
}

/** `owned`: its ReplicaSets. `pods`: of its namespace; only Recreate asks for them. */
export function planDeployment(deployment: KubeObject, owned: readonly KubeObject[], pods: readonly KubeObject[], now: number): DeploymentPlan {
  const sets = sortSets(deployment, owned);
  const actions = planActions(deployment, sets, pods);
  const created = actions.find((action) => action.kind === "create");
  const rollout = deployment.metadata.deletionTimestamp === undefined && deployment.spec.paused !== true && !isScaling(deployment, sets);
  const status = planStatus(deployment, sets, { rollout, now, ...(created === undefined ? {} : { created: String(created.draft.metadata.name) }) });
  const revision = created === undefined ? sets.current && newRevision(sets, sets.current) : newRevision(sets, undefined);
  return { actions, revision, status, requeueAfter: deadlineIn(deployment, status, now) };
}

function planActions(deployment: KubeObject, sets: Sets, pods: readonly KubeObject[]): readonly Action[] {
  if (deployment.metadata.deletionTimestamp !== undefined) return [];
  const marks = annotateNew(deployment, sets);
  if (deployment.spec.paused === true || isScaling(deployment, sets)) {
    return [...marks, ...resizes(deployment, planScaling(deployment, sets)), ...(deployment.spec.paused === true ? cleanUp(deployment, sets) : [])];
  }
  return [...marks, ...(isRolling(deployment) ? roll(deployment, sets) : recreate(deployment, sets, pods))];
}

function roll(deployment: KubeObject, sets: Sets): readonly Action[] {
  const size = newSetSize(deployment, sets);
  if (sets.current === undefined) return [createNew(deployment, sets, size)];
  if (size !== sizeOf(sets.current)) return resizes(deployment, [{ set: sets.current, replicas: size }]);
  const shrink = resizes(deployment, shrinkOld(deployment, sets));
  return shrink.length > 0 ? shrink : cleanUp(deployment, sets);
}

function recreate(deployment: KubeObject, sets: Sets, pods: readonly KubeObject[]): readonly Action[] {
  const alive = sets.old.filter((set) => sizeOf(set) > 0);
  if (alive.length > 0)
    return resizes(
      deployment,
      alive.map((set) => ({ set, replicas: 0 })),
    );
  if (pods.some((pod) => !isTerminal(pod) && sets.old.some((set) => isControlledBy(pod, set)))) return [];
  if (sets.current === undefined) return [createNew(deployment, sets, sizeOf(deployment))];
  if (sizeOf(sets.current) !== sizeOf(deployment)) return resizes(deployment, [{ set: sets.current, replicas: sizeOf(deployment) }]);
  return cleanUp(deployment, sets);
}

function resizes(deployment: KubeObject, list: readonly Resize[]): readonly Action[] {
  const size = sizeAnnotations(sizeOf(deployment), sizeOf(deployment) + fences(deployment).surge);
  return list
    .filter(({ set, replicas }) => replicas !== sizeOf(set) || !holds(annotationsOf(set), size))
    .map(({ set, replicas }) => ({ kind: "resize", set, replicas, annotations: size }));
}

/** The next revision: one above every old set; a set that has it already keeps it. */
function newRevision({ old }: Sets, current: KubeObject | undefined): number {
  return Math.max(1 + Math.max(0, ...old.map(revisionOf)), current === undefined ? 0 : revisionOf(current));
}

function annotateNew(deployment: KubeObject, sets: Sets): readonly Action[] {
  const { current } = sets;
  if (current === undefined) return [];
  const annotations = newSetAnnotations(deployment, annotationsOf(current), newRevision(sets, undefined));
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  if (isDeepStrictEqual(annotations, annotationsOf(current)) && minReadySeconds === (current.spec.minReadySeconds ?? 0)) return [];
  return [{ kind: "annotate", set: current, annotations, minReadySeconds }];
}

function createNew(deployment: KubeObject, sets: Sets, replicas: number): Action {
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = hashObject([template, deployment.status?.collisionCount ?? 0]);
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  const size = sizeAnnotations(sizeOf(deployment), sizeOf(deployment) + fences(deployment).surge);
  return {
    kind: "create",
    replicas,
    draft: {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name: `${deployment.metadata.name}-${hash}`,
        ...(deployment.metadata.namespace === undefined ? {} : { namespace: deployment.metadata.namespace }),
        labels,
        annotations: { ...newSetAnnotations(deployment, {}, newRevision(sets, undefined)), ...size },
        ownerReferences: [controllerReference(deployment)],
      },
      spec: {
        replicas,
        ...(minReadySeconds ? { minReadySeconds } : {}),
        selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    },
  };
}

/** Old sets that hold nothing any more, beyond the history limit, lowest revision first. */
function cleanUp(deployment: KubeObject, sets: Sets): readonly Action[] {
  const limit = deployment.spec.revisionHistoryLimit ?? 10;
  if (deployment.spec.paused !== true && !isComplete(deployment, countSets(sets))) return [];
  const old = sets.old.filter((set) => set.metadata.deletionTimestamp === undefined).toSorted((left, right) => revisionOf(left) - revisionOf(right));
  const idle = (set: KubeObject): boolean =>
    sizeOf(set) === 0 && (set.status?.replicas ?? 0) === 0 && (set.status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 0);
  return old
    .slice(0, Math.max(0, old.length - limit))
    .filter(idle)
    .map((set) => ({ kind: "remove", set }));
}
