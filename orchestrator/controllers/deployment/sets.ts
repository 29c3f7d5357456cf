/** A Deployment's ReplicaSets in the orders and sums that its arithmetic asks for. */
import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "../../cluster.ts";
import { resolvePercent } from "../percent.ts";

export const HASH_LABEL = "pod-template-hash";

export interface Sets {
  /** The oldest set whose template is the Deployment's; undefined until it is made. */
  readonly current: KubeObject | undefined;
  readonly old: readonly KubeObject[];
  readonly all: readonly KubeObject[];
}

export function sortSets(deployment: KubeObject, owned: readonly KubeObject[]): Sets {
  const all = owned.toSorted(oldestFirst);
  const current = all.find((set) => sameTemplate(set.spec.template, deployment.spec.template));
  return { current, old: all.filter((set) => set !== current), all };
}

/** Equal but for the hash label, which only sets carry. */
export function sameTemplate(left: Template, right: Template): boolean {
  return isDeepStrictEqual(withoutHash(left), withoutHash(right));
}

export interface Template {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
}

function withoutHash(template: Template): unknown {
  const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

export function oldestFirst(left: KubeObject, right: KubeObject): number {
  return compare(left.metadata.creationTimestamp, right.metadata.creationTimestamp) || compare(left.metadata.name, right.metadata.name);
}

export function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

export function sizeOf(set: KubeObject): number {
  return set.spec.replicas ?? 1;
}

export function availableOf(set: KubeObject): number {
  return set.status?.availableReplicas ?? 0;
}

export function sum(sets: readonly KubeObject[], of: (set: KubeObject) => number): number {
  return sets.reduce((total, set) => total + of(set), 0);
}

export function isActiveSet(set: KubeObject): boolean {
  return sizeOf(set) > 0;
}

export function isRolling(deployment: KubeObject): boolean {
  return deployment.spec.strategy?.type !== "Recreate";
}

/** Surge rounds up, unavailable down; both zero would never move, so one may then be missing. */
export function fences(deployment: KubeObject): { readonly surge: number; readonly unavailable: number } {
  const replicas = sizeOf(deployment);
  if (!isRolling(deployment)) return { surge: 0, unavailable: 0 };
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = resolvePercent(maxSurge, replicas, "up");
  const unavailable = resolvePercent(maxUnavailable, replicas, "down");
  return { surge, unavailable: Math.min(replicas, surge === 0 && unavailable === 0 ? 1 : unavailable) };
}
