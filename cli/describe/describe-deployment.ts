/** A Deployment, with the replica sets that it has made. Pure. */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { formatSelector } from "../../orchestrator/schema/selector.ts";
import { annotationLines, formatTime, labelLines, NONE } from "./fields.ts";
import { templateLines } from "./template.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

export function describeDeployment({ metadata, spec, status = {} }: KubeObject, sets: readonly KubeObject[]): readonly string[] {
  const own = sets.filter((set) => set.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) === true);
  const rolling = spec.strategy?.rollingUpdate;
  const counts = [
    `${spec.replicas} desired`,
    `${status.updatedReplicas ?? 0} updated`,
    `${status.replicas ?? 0} total`,
    `${status.availableReplicas ?? 0} available`,
    `${status.unavailableReplicas ?? 0} unavailable`,
  ];
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    `CreationTimestamp:\t${formatTime(metadata.creationTimestamp)}`,
    ...labelLines("Labels", metadata.labels),
    ...annotationLines("Annotations", metadata.annotations),
    `Selector:\t${formatSelector(spec.selector)}`,
    `Replicas:\t${counts.join(" | ")}`,
    `StrategyType:\t${spec.strategy?.type ?? ""}`,
    `MinReadySeconds:\t${spec.minReadySeconds ?? 0}`,
    ...(rolling === undefined ? [] : [`RollingUpdateStrategy:\t${rolling.maxUnavailable} max unavailable, ${rolling.maxSurge} max surge`]),
    ...templateLines(spec.template),
    ...conditionLines(status.conditions ?? []),
    ...setLines(metadata.annotations?.[REVISION], own),
  ];
}

const REVISION = "deployment.kubernetes.io/revision";

export function conditionLines(conditions: readonly Condition[]): readonly string[] {
  if (conditions.length === 0) return [];
  return [
    "Conditions:",
    "  Type\tStatus\tReason",
    "  ----\t------\t------",
    ...conditions.map(({ type, status, reason = "" }) => `  ${type} \t${status}\t${reason}`),
  ];
}

/** The new one carries the Deployment's own revision. */
function setLines(revision: string | undefined, sets: readonly KubeObject[]): readonly string[] {
  const isNew = (set: KubeObject): boolean => revision !== undefined && set.metadata.annotations?.[REVISION] === revision;
  const texts = (some: readonly KubeObject[]): string =>
    some.map(({ metadata, spec, status }) => `${metadata.name} (${status?.replicas ?? 0}/${spec.replicas} replicas created)`).join(", ") || NONE;
  const old = sets.filter((set) => !isNew(set)).toSorted((left, right) => left.metadata.creationTimestamp.localeCompare(right.metadata.creationTimestamp));
  return [`OldReplicaSets:\t${texts(old)}`, `NewReplicaSet:\t${texts(sets.filter(isNew))}`];
}
