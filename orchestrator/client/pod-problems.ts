/** Why pods do not run, in the words of their statuses: what a wait for them tells instead of silence. */
import type { KubeObject } from "../cluster.ts";

/** On the way to running; nothing is wrong yet. */
const USUAL = new Set(["ContainerCreating", "PodInitializing"]);

/** Each reason once, `pod NAME: REASON: MESSAGE`, without pods that are going. */
export function podProblems(pods: readonly KubeObject[]): readonly string[] {
  const problems = pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined)
    .flatMap((pod) => problemsOf(pod).map((text) => `pod ${pod.metadata.name}: ${text}`));
  return [...new Set(problems)];
}

function problemsOf(pod: KubeObject): readonly string[] {
  const { conditions = [], initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const unscheduled = conditions.find((one: Condition) => one.type === "PodScheduled" && one.status === "False");
  if (unscheduled !== undefined) return [describe(unscheduled)];
  const waiting = [...initContainerStatuses, ...containerStatuses].map((status: ContainerStatus) => status.state?.waiting);
  return waiting.filter((state): state is Waiting => state !== undefined && !USUAL.has(state.reason ?? "")).map(describe);
}

function describe({ reason, message }: Waiting): string {
  return [reason, message].filter((part) => part !== undefined && part !== "").join(": ");
}

interface Waiting {
  readonly reason?: string;
  readonly message?: string;
}

interface Condition extends Waiting {
  readonly type: string;
  readonly status: string;
}

interface ContainerStatus {
  readonly state?: { readonly waiting?: Waiting };
}
