/** How far a rollout is, in kubectl's words. Decides, and does nothing. Spec: Kubernetes API reference, apps/v1. */
import type { KubeObject } from "../cluster.ts";

export type RolloutState = { readonly kind: "waiting" | "done" | "failed"; readonly message: string };

/** By kind: what rolls. */
const STATES: Readonly<Record<string, (object: KubeObject) => RolloutState>> = {
  Deployment: deploymentState,
  StatefulSet: statefulSetState,
  DaemonSet: daemonSetState,
};

export function canRoll(kind: string): boolean {
  return STATES[kind] !== undefined;
}

/** `object` is of a kind that rolls. */
export function rolloutState(object: KubeObject): RolloutState {
  const { generation = 0 } = object.metadata;
  const { type } = object.spec.updateStrategy ?? {};
  if (type === "OnDelete") return { kind: "failed", message: "rollout status is only available for RollingUpdate strategy type" };
  if (generation > (object.status?.observedGeneration ?? 0)) return waiting(`Waiting for ${wordOf(object.kind)} spec update to be observed`);
  return STATES[object.kind]?.(object) ?? { kind: "failed", message: `no rollout of ${object.kind} is known` };
}

function wordOf(kind: string): string {
  return kind === "DaemonSet" ? "daemon set" : kind.toLowerCase();
}

function waiting(message: string): RolloutState {
  return { kind: "waiting", message: `${message}...` };
}

interface DeploymentStatus {
  readonly updatedReplicas?: number;
  readonly replicas?: number;
  readonly availableReplicas?: number;
  readonly conditions?: readonly { readonly type: string; readonly reason?: string }[];
}

function deploymentState({ metadata: { name }, spec, status = {} }: KubeObject): RolloutState {
  const { replicas = 1 } = spec as { readonly replicas?: number };
  const { updatedReplicas: updated = 0, replicas: total = 0, availableReplicas: available = 0, conditions = [] } = status as DeploymentStatus;
  const unfinished = (message: string): RolloutState => waiting(`Waiting for deployment "${name}" rollout to finish: ${message}`);
  const progressing = conditions.find(({ type }) => type === "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") return { kind: "failed", message: `deployment "${name}" exceeded its progress deadline` };
  if (updated < replicas) return unfinished(`${updated} out of ${replicas} new replicas have been updated`);
  if (total > updated) return unfinished(`${total - updated} old replicas are pending termination`);
  if (available < updated) return unfinished(`${available} of ${updated} updated replicas are available`);
  return { kind: "done", message: `deployment "${name}" successfully rolled out` };
}

interface StatefulSetSpec {
  readonly replicas?: number;
  readonly updateStrategy?: { readonly rollingUpdate?: { readonly partition?: number } };
}

interface StatefulSetStatus {
  readonly readyReplicas?: number;
  readonly updatedReplicas?: number;
  readonly currentReplicas?: number;
  readonly updateRevision?: string;
  readonly currentRevision?: string;
}

function statefulSetState({ spec, status = {} }: KubeObject): RolloutState {
  const { replicas = 1, updateStrategy = {} } = spec as StatefulSetSpec;
  const { readyReplicas: ready = 0, updatedReplicas: updated = 0, currentReplicas: current = 0, ...revisions } = status as StatefulSetStatus;
  const { updateRevision, currentRevision } = revisions;
  if (ready < replicas) return waiting(`Waiting for ${replicas - ready} pods to be ready`);
  const { rollingUpdate } = updateStrategy;
  if (rollingUpdate !== undefined) {
    const wanted = replicas - (rollingUpdate.partition ?? 0);
    if (updated < wanted) return waiting(`Waiting for partitioned roll out to finish: ${updated} out of ${wanted} new pods have been updated`);
    return { kind: "done", message: `partitioned roll out complete: ${updated} new pods have been updated...` };
  }
  if (updateRevision !== currentRevision) return waiting(`waiting for statefulset rolling update to complete ${updated} pods at revision ${updateRevision}`);
  return { kind: "done", message: `statefulset rolling update complete ${current} pods at revision ${currentRevision}...` };
}

interface DaemonSetStatus {
  readonly desiredNumberScheduled?: number;
  readonly updatedNumberScheduled?: number;
  readonly numberAvailable?: number;
}

function daemonSetState({ metadata: { name }, status = {} }: KubeObject): RolloutState {
  const { desiredNumberScheduled: desired = 0, updatedNumberScheduled: updated = 0, numberAvailable: available = 0 } = status as DaemonSetStatus;
  const unfinished = (message: string): RolloutState => waiting(`Waiting for daemon set "${name}" rollout to finish: ${message}`);
  if (updated < desired) return unfinished(`${updated} out of ${desired} new pods have been updated`);
  if (available < desired) return unfinished(`${available} of ${desired} updated pods are available`);
  return { kind: "done", message: `daemon set "${name}" successfully rolled out` };
}
