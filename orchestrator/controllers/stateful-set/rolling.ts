/** Which pods of an old revision make room for new ones: from the highest ordinal down to the partition. Spec: Kubernetes documentation, "StatefulSets: Rolling Updates". */
import type { KubeObject } from "../../cluster.ts";
import { isTerminal } from "../pods.ts";
import { resolvePercent } from "../percent.ts";
import { revisionOf, startOf } from "./identity.ts";
import { isHealthy, isTerminating, type Member } from "./members.ts";

/** `wanted`: lowest ordinal first. */
export function outdated({ spec }: KubeObject, wanted: readonly Member[], update: string): readonly KubeObject[] {
  const { type, rollingUpdate = {} } = spec.updateStrategy ?? {};
  if (type === "OnDelete") return [];
  const { partition = 0, maxUnavailable } = rollingUpdate;
  const targets = wanted.filter(({ ordinal }) => ordinal >= startOf(spec) + partition).toReversed();
  if (maxUnavailable === undefined) return nextOne(targets, update);
  return several(wanted, targets, update, Math.max(1, resolvePercent(maxUnavailable, wanted.length, "down")));
}

/** One by one: the next goes when all above it are well. */
function nextOne(targets: readonly Member[], update: string): readonly KubeObject[] {
  for (const { pod } of targets) {
    if (pod !== undefined && isOld(pod, update)) return [pod];
    if (!isHealthy(pod)) return [];
  }
  return [];
}

/** As many as may be missing; those that serve nobody go for free. */
function several(wanted: readonly Member[], targets: readonly Member[], update: string, maxUnavailable: number): readonly KubeObject[] {
  const old = targets.flatMap(({ pod }) => (pod !== undefined && isOld(pod, update) ? [pod] : []));
  const budget = maxUnavailable - wanted.filter(({ pod }) => !isHealthy(pod)).length;
  return [...old.filter((pod) => !isHealthy(pod)), ...old.filter(isHealthy).slice(0, Math.max(0, budget))];
}

function isOld(pod: KubeObject, update: string): boolean {
  return revisionOf(pod) !== update && !isTerminating(pod) && !isTerminal(pod);
}
