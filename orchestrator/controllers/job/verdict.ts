/** Whether a Job is over, and why: what its interim condition says, before the last pods are gone. Decides, and does nothing. Spec: Kubernetes documentation, "Jobs". */
import type { KubeObject } from "../../cluster.ts";
import { parseTime } from "../clock.ts";
import { findCondition } from "../conditions.ts";
import { judgeFailure } from "./failure-policy.ts";
import { parseIndexes } from "./index-set.ts";
import { hasFailed } from "./job-pods.ts";
import { isIndexed, statusOf, type JobSpec, type SuccessRule } from "./job-spec.ts";
import type { Tally } from "./tally.ts";

export interface Verdict {
  readonly type: "SuccessCriteriaMet" | "FailureTarget";
  readonly reason: string;
  readonly message: string;
}

export const REACHED: Verdict = { type: "SuccessCriteriaMet", reason: "CompletionsReached", message: "Reached expected number of succeeded pods" };

/** Success by completions is left to the plan, which knows what it still deletes. */
export function judgeJob(job: KubeObject, spec: JobSpec, tally: Tally, now: number): Verdict | undefined {
  return standing(job) ?? policyFailure(spec, tally) ?? limitFailure(job, spec, tally, now) ?? indexFailure(spec, tally) ?? policySuccess(spec, tally);
}

/** What was decided stays. */
function standing(job: KubeObject): Verdict | undefined {
  for (const type of ["SuccessCriteriaMet", "FailureTarget"] as const) {
    const found = findCondition(job, type);
    if (found?.status === "True") return { type, reason: found.reason ?? "", message: found.message ?? "" };
  }
  return undefined;
}

function policyFailure(spec: JobSpec, { pods }: Tally): Verdict | undefined {
  const messages = pods.filter((pod) => hasFailed(pod, spec)).map((pod) => judgeFailure(spec, pod).message);
  const message = messages.find((one) => one !== undefined);
  return message === undefined ? undefined : { type: "FailureTarget", reason: "PodFailurePolicy", message };
}

function limitFailure(job: KubeObject, spec: JobSpec, tally: Tally, now: number): Verdict | undefined {
  if (tally.failed > spec.backoffLimit || restartsExceeded(spec, tally))
    return { type: "FailureTarget", reason: "BackoffLimitExceeded", message: "Job has reached the specified backoff limit" };
  const left = remainingDeadline(job, spec, now);
  if (left === undefined || left > 0) return undefined;
  return { type: "FailureTarget", reason: "DeadlineExceeded", message: "Job was active longer than specified deadline" };
}

/** Milliseconds; undefined without a deadline, or while suspended. */
export function remainingDeadline(job: KubeObject, { activeDeadlineSeconds, suspend }: JobSpec, now: number): number | undefined {
  const { startTime } = statusOf(job);
  if (activeDeadlineSeconds === undefined || suspend) return undefined;
  return (startTime === undefined ? now : parseTime(startTime)) + activeDeadlineSeconds * 1000 - now;
}

interface Restarted {
  readonly restartCount?: number;
}

/** Containers that are started again in their pod count while it lives. */
function restartsExceeded(spec: JobSpec, { pods }: Tally): boolean {
  if ((spec.template.spec as { readonly restartPolicy?: string }).restartPolicy !== "OnFailure") return false;
  const live = pods.filter(({ status }) => status?.phase === "Running" || status?.phase === "Pending");
  const statuses = live.flatMap(({ status }): readonly Restarted[] => [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]);
  const restarts = statuses.reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0);
  return spec.backoffLimit === 0 ? restarts > 0 : restarts >= spec.backoffLimit;
}

function indexFailure({ completions = 0, maxFailedIndexes }: JobSpec, { completed, failedIndexes }: Tally): Verdict | undefined {
  if (failedIndexes === undefined) return undefined;
  if (maxFailedIndexes !== undefined && failedIndexes.size > maxFailedIndexes) {
    return { type: "FailureTarget", reason: "MaxFailedIndexesExceeded", message: "Job has exceeded the specified maximal number of failed indexes" };
  }
  if (failedIndexes.size === 0 || failedIndexes.size + completed.size < completions) return undefined;
  return { type: "FailureTarget", reason: "FailedIndexes", message: "Job has failed indexes" };
}

function policySuccess(spec: JobSpec, { completed }: Tally): Verdict | undefined {
  if (!isIndexed(spec) || completed.size === 0) return undefined;
  const met = (spec.successPolicy?.rules ?? []).findIndex((rule) => meets(rule, spec, completed));
  return met === -1 ? undefined : { type: "SuccessCriteriaMet", reason: "SuccessPolicy", message: `Matched rules at index ${met}` };
}

function meets({ succeededIndexes, succeededCount }: SuccessRule, { completions = 0 }: JobSpec, completed: ReadonlySet<number>): boolean {
  if (succeededIndexes === undefined) return completed.size >= (succeededCount ?? 0);
  const wanted = parseIndexes(succeededIndexes, completions);
  return [...wanted].filter((index) => completed.has(index)).length >= (succeededCount ?? wanted.size);
}
