/** How far a rollout is, in kubectl's words. Decides, and does nothing. */
export type RolloutState = { readonly kind: "waiting" | "done" | "failed"; readonly message: string };

export function rolloutState(deployment: any): RolloutState {
  const { name, generation = 0 } = deployment.metadata;
  const { replicas = 1 } = deployment.spec;
  const {
    observedGeneration = 0,
    updatedReplicas: updated = 0,
    replicas: total = 0,
    availableReplicas: available = 0,
    conditions = [],
  } = deployment.status ?? {};
  const waiting = (message: string): RolloutState => ({ kind: "waiting", message: `Waiting for deployment ${message}...` });
  if (generation > observedGeneration) return { kind: "waiting", message: "Waiting for deployment spec update to be observed..." };
  const progressing = conditions.find((condition: { readonly type: string }) => condition.type === "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") return { kind: "failed", message: `error: deployment "${name}" exceeded its progress deadline` };
  if (updated < replicas) return waiting(`"${name}" rollout to finish: ${updated} out of ${replicas} new replicas have been updated`);
  if (total > updated) return waiting(`"${name}" rollout to finish: ${total - updated} old replicas are pending termination`);
  if (available < updated) return waiting(`"${name}" rollout to finish: ${available} of ${updated} updated replicas are available`);
  return { kind: "done", message: `deployment "${name}" successfully rolled out` };
}
