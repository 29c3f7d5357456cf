/** One step of a rolling update: first the new set grows, then the old ones shrink. Decides, and does nothing. Spec: Kubernetes documentation, "Deployments". */
import type { KubeObject } from "../../cluster.ts";
import { availableOf, fences, isRolling, sizeOf, sum, type Sets } from "./sets.ts";

/** A set and the size that it should get. */
export interface Resize {
  readonly set: KubeObject;
  readonly replicas: number;
}

/** Size of the new set: as far as the surge allows. It is never shrunk below what it has, unless it is too big. */
export function newSetSize(deployment: KubeObject, { current, all }: Sets): number {
  const replicas = sizeOf(deployment);
  const size = current === undefined ? 0 : sizeOf(current);
  if (size > replicas || !isRolling(deployment)) return replicas;
  const room = replicas + fences(deployment).surge - sum(all, sizeOf);
  return size + Math.max(0, Math.min(room, replicas - size));
}

/** Old sets, oldest first: unhealthy replicas go at once, healthy ones as new ones become available. */
export function shrinkOld(deployment: KubeObject, { current, old, all }: Sets): readonly Resize[] {
  const floor = sizeOf(deployment) - fences(deployment).unavailable;
  const missing = current === undefined ? 0 : sizeOf(current) - availableOf(current);
  const budget = sum(all, sizeOf) - floor - missing;
  if (sum(old, sizeOf) === 0 || budget <= 0) return [];
  const cleaned = take(old, budget, (set) => sizeOf(set) - availableOf(set));
  const sizes = new Map(old.map((set) => [set, sizeOf(set) - (cleaned.get(set) ?? 0)]));
  const healthy = take(old, sum(all, surelyAvailable) - floor, (set) => sizes.get(set) ?? 0);
  return old.map((set) => ({ set, replicas: (sizes.get(set) ?? 0) - (healthy.get(set) ?? 0) })).filter(({ set, replicas }) => replicas !== sizeOf(set));
}

/** A set that was just made smaller may still report the replicas that it loses. */
function surelyAvailable(set: KubeObject): number {
  return Math.min(sizeOf(set), availableOf(set));
}

/** Takes up to `budget` in all, from each set at most `most(set)`, in order. */
function take(sets: readonly KubeObject[], budget: number, most: (set: KubeObject) => number): ReadonlyMap<KubeObject, number> {
  let left = budget;
  return new Map(
    sets.map((set) => {
      const count = Math.max(0, Math.min(left, most(set)));
      left -= count;
      return [set, count];
    }),
  );
}
