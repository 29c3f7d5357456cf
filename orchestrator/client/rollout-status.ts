/** How far a rollout is, in kubectl's words. Decides, and does nothing. */
export type RolloutState = { readonly kind: "waiting" | "done" | "failed"; readonly message: string };

/** By kind: what rolls. */
const STATES: Readonly<Record<string, (object: any) => RolloutState>> = {
  Deployment: deploymentState,
  StatefulSet: statefulSetState,
  DaemonSet: daemonSetState,
};

export function canRoll(kind: string): boolean {
  return STATES[kind] !== undefined;
}

/** `object` is of a kind that rolls. */
export function rolloutState(object: any): RolloutState {
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

function deploymentState({ metadata: { name }, spec: { replicas = 1 }, status = {} }: any): RolloutState {
  const { updatedReplicas: updated = 0, replicas: total = 0, availableReplicas: available = 0, conditions = [] } = status;
  const unfinished = (message: string): RolloutState => waiting(`Waiting for deployment "${name}" rollout to finish: ${message}`);
  const progressing = conditions.find((condition: { readonly type: string }) => condition.type === "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") return { kind: "failed", message: `deployment "${name}" exceeded its progress deadline` };
  if (updated < replicas) return unfinished(`${updated} out of ${replicas} new replicas have been updated`);
  if (total > updated) return unfinished(`${total - updated} old replicas are pending termination`);
  if (available < updated) return unfinished(`${available} of ${updated} updated replicas are available`);
  return { kind: "done", message: `deployment "${name}" successfully rolled out` };
}

function statefulSetState({ spec: { replicas = 1, updateStrategy = {} }, status = {} }: any): RolloutState {
  const { readyReplicas: ready = 0, updatedReplicas: updated = 0, currentReplicas: current = 0, updateRevision, currentRevision } = status;
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

function daemonSetState({ metadata: { name }, status = {} }: any): RolloutState {
  const { desiredNumberScheduled: desired = 0, updatedNumberScheduled: updated = 0, numberAvailable: available = 0 } = status;
  const unfinished = (message: string): RolloutState => waiting(`Waiting for daemon set "${name}" rollout to finish: ${message}`);
  if (updated < desired) return unfinished(`${updated} out of ${desired} new pods have been updated`);
  if (available < desired) return unfinished(`${available} of ${desired} updated pods are available`);
  return { kind: "done", message: `daemon set "${name}" successfully rolled out` };
}
