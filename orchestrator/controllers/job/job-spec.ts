/** A Job's spec and status as its controller reads them, after defaults. Spec: Kubernetes API, batch/v1. */
import type { KubeObject } from "../../cluster.ts";
import type { Condition } from "../conditions.ts";
import type { LabelSelector } from "../../schema/selector.ts";
import type { PodTemplate } from "../pod-template.ts";

/** Kept on a pod until the Job has counted it. */
export const TRACKING = "batch.kubernetes.io/job-tracking";
/** Annotation and label. */
export const COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index";
/** Failures of the pod's index before it: those that count, and those that the policy ignores. */
export const INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count";
export const INDEX_IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count";

export interface JobSpec {
  readonly parallelism: number;
  readonly completions?: number;
  readonly completionMode: "NonIndexed" | "Indexed";
  readonly backoffLimit: number;
  readonly backoffLimitPerIndex?: number;
  readonly maxFailedIndexes?: number;
  readonly activeDeadlineSeconds?: number;
  readonly ttlSecondsAfterFinished?: number;
  readonly suspend: boolean;
  readonly selector: LabelSelector;
  readonly template: PodTemplate;
  readonly podReplacementPolicy: "TerminatingOrFailed" | "Failed";
  readonly podFailurePolicy?: { readonly rules: readonly FailureRule[] };
  readonly successPolicy?: { readonly rules: readonly SuccessRule[] };
  readonly managedBy?: string;
}

export interface FailureRule {
  readonly action: "FailJob" | "FailIndex" | "Ignore" | "Count";
  readonly onExitCodes?: { readonly containerName?: string; readonly operator: "In" | "NotIn"; readonly values: readonly number[] };
  readonly onPodConditions?: readonly { readonly type: string; readonly status: string }[];
}

export interface SuccessRule {
  readonly succeededIndexes?: string;
  readonly succeededCount?: number;
}

export interface JobStatus {
  readonly conditions?: readonly Condition[];
  readonly startTime?: string;
  readonly completionTime?: string;
  readonly active?: number;
  readonly ready?: number;
  readonly terminating?: number;
  readonly succeeded?: number;
  readonly failed?: number;
  readonly completedIndexes?: string;
  readonly failedIndexes?: string;
  /** Ended pods, by uid, that are written down here before their finalizer goes, and counted once it is gone. */
  readonly uncountedTerminatedPods?: Uncounted;
}

export interface Uncounted {
  readonly succeeded?: readonly string[];
  readonly failed?: readonly string[];
}

export function specOf(job: KubeObject): JobSpec {
  return job.spec as JobSpec;
}

export function statusOf(job: KubeObject): JobStatus {
  return (job.status ?? {}) as JobStatus;
}

export function isIndexed({ completionMode }: JobSpec): boolean {
  return completionMode === "Indexed";
}

/** Complete or Failed, and when. */
export function finishOf(job: KubeObject): Condition | undefined {
  return statusOf(job).conditions?.find(({ type, status }) => (type === "Complete" || type === "Failed") && status === "True");
}
