/** A Deployment whose size changed in mid-rollout: its sets grow or shrink in proportion. Spec: Kubernetes documentation, "Deployments". */
import type { KubeObject } from "../../cluster.ts";
import { desiredReplicasOf, maxReplicasOf } from "./annotations.ts";
import type { Resize } from "./rolling.ts";
import { availableOf, fences, isActiveSet, isRolling, oldestFirst, sizeOf, sum, type Sets } from "./sets.ts";

/** Some active set was last sized for another number of replicas. */
export function isScaling(deployment: KubeObject, { all }: Sets): boolean {
  return all.filter(isActiveSet).some((set) => {
    const desired = desiredReplicasOf(set);
    return desired !== undefined && desired !== sizeOf(deployment);
  });
}

/** Includes sets whose size stays: their size annotations need to follow. */
export function planScaling(deployment: KubeObject, sets: Sets): readonly Resize[] {
  const replicas = sizeOf(deployment);
  const only = activeOrLatest(sets);
  if (only !== undefined) return [{ set: only, replicas }];
  const active = sets.all.filter(isActiveSet);
  if (sets.current !== undefined && isSaturated(sets.current, replicas)) {
    return [{ set: sets.current, replicas }, ...active.filter((set) => set !== sets.current).map((set) => ({ set, replicas: 0 }))];
  }
  return isRolling(deployment) ? proportional(deployment, active) : [];
}

/** The set to size when there is nothing to share out: the only active one, or with none active the newest. */
function activeOrLatest({ current, all }: Sets): KubeObject | undefined {
  const active = all.filter(isActiveSet);
  if (active.length > 1) return undefined;
  return active[0] ?? current ?? all.at(-1);
}

function isSaturated(set: KubeObject, replicas: number): boolean {
  return sizeOf(set) === replicas && desiredReplicasOf(set) === replicas && availableOf(set) === replicas;
}

function proportional(deployment: KubeObject, active: readonly KubeObject[]): readonly Resize[] {
  const replicas = sizeOf(deployment);
  const allowed = replicas > 0 ? replicas + fences(deployment).surge : 0;
  const change = allowed - sum(active, sizeOf);
  const ordered = active.toSorted((left, right) => sizeOf(right) - sizeOf(left) || (change > 0 ? oldestFirst(right, left) : oldestFirst(left, right)));
  let left = change;
  const shares = ordered.map((set) => {
    const share = clamp(fraction(deployment, set), left);
    left -= share;
    return { set, replicas: sizeOf(set) + share };
  });
  return shares.map((share, index) => (index === 0 ? { ...share, replicas: Math.max(0, share.replicas + left) } : share));
}

/** The set's fair part of the change, rounded. */
function fraction(deployment: KubeObject, set: KubeObject): number {
  const replicas = sizeOf(deployment);
  if (replicas === 0) return -sizeOf(set);
  const total = replicas + fences(deployment).surge;
  const before = maxReplicasOf(set) ?? deployment.status?.replicas ?? total;
  return before === 0 ? 0 : Math.round((sizeOf(set) * total) / before) - sizeOf(set);
}

/** Never more than what is left to share, and never against its direction. */
function clamp(share: number, left: number): number {
  return left > 0 ? Math.max(0, Math.min(share, left)) : Math.min(0, Math.max(share, left));
}
