/** What a Job's podFailurePolicy says of a failed pod: the first rule that fits. Spec: Kubernetes documentation, "Pod failure policy". */
import type { KubeObject } from "../../cluster.ts";
import type { FailureRule, JobSpec } from "./job-spec.ts";

export interface FailureVerdict {
  readonly action: FailureRule["action"] | undefined;
  /** Against the back-off limits. */
  readonly counts: boolean;
  /** Why the whole Job fails. */
  readonly message?: string;
}

export function judgeFailure({ podFailurePolicy }: JobSpec, pod: KubeObject): FailureVerdict {
  for (const [at, rule] of (podFailurePolicy?.rules ?? []).entries()) {
    const why = rule.onExitCodes === undefined ? matchConditions(pod, rule) : matchExitCodes(pod, rule);
    if (why === undefined) continue;
    const { action } = rule;
    if (action !== "FailJob") return { action, counts: action !== "Ignore" };
    return { action, counts: true, message: `${why} matching FailJob rule at index ${at}` };
  }
  return { action: undefined, counts: true };
}

interface Ended {
  readonly name: string;
  readonly state?: { readonly terminated?: { readonly exitCode: number } };
}

function matchExitCodes({ metadata, status }: KubeObject, { onExitCodes }: FailureRule): string | undefined {
  if (onExitCodes === undefined) return undefined;
  const { containerName, operator, values } = onExitCodes;
  const statuses: readonly Ended[] = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const found = statuses.find(({ name, state }) => {
    const code = state?.terminated?.exitCode;
    if (code === undefined || code === 0 || (containerName !== undefined && containerName !== name)) return false;
    return values.includes(code) === (operator === "In");
  });
  if (found === undefined) return undefined;
  return `Container ${found.name} for pod ${metadata.namespace}/${metadata.name} failed with exit code ${found.state?.terminated?.exitCode}`;
}

function matchConditions({ metadata, status }: KubeObject, { onPodConditions = [] }: FailureRule): string | undefined {
  const conditions: readonly { readonly type: string; readonly status: string }[] = status?.conditions ?? [];
  const found = conditions.find((condition) => onPodConditions.some((one) => one.type === condition.type && one.status === condition.status));
  return found === undefined ? undefined : `Pod ${metadata.namespace}/${metadata.name} has condition ${found.type}`;
}
