/** A Job's conditions, its start and completion times, and what is told of their changes. Decides, and does nothing. */
import type { KubeObject } from "../../cluster.ts";
import { findCondition, type Condition } from "../conditions.ts";
import type { Notice } from "../events.ts";
import { statusOf, type JobStatus } from "./job-spec.ts";
import type { Verdict } from "./verdict.ts";

export interface ConditionsInput {
  readonly verdict: Verdict | undefined;
  /** Every pod has ended and is counted. */
  readonly over: boolean;
  readonly suspended: boolean;
  /** RFC 3339. */
  readonly time: string;
}

export interface JobConditions {
  readonly status: Pick<JobStatus, "conditions" | "startTime" | "completionTime">;
  readonly news: readonly Notice[];
}

export function jobConditions(job: KubeObject, input: ConditionsInput): JobConditions {
  return input.verdict === undefined ? runningConditions(job, input) : endingConditions(job, input.verdict, input);
}

function runningConditions(job: KubeObject, { suspended, time }: ConditionsInput): JobConditions {
  const { conditions = [], startTime } = statusOf(job);
  const before = findCondition(job, "Suspended");
  if (suspended) {
    if (before?.status === "True") return { status: { conditions }, news: [] };
    const next = condition("Suspended", "True", "JobSuspended", "Job suspended", time);
    return { status: { conditions: replaced(conditions, next) }, news: [{ type: "Normal", reason: "Suspended", message: "Job suspended" }] };
  }
  if (before === undefined || before.status === "False") return { status: { ...given(conditions), startTime: startTime ?? time }, news: [] };
  const next = condition("Suspended", "False", "JobResumed", "Job resumed", time);
  return { status: { conditions: replaced(conditions, next), startTime: time }, news: [{ type: "Normal", reason: "Resumed", message: "Job resumed" }] };
}

/** First the interim condition, while pods end; then the last one. */
function endingConditions(job: KubeObject, { type, reason, message }: Verdict, { over, time }: ConditionsInput): JobConditions {
  const { conditions = [], startTime = time, succeeded = 0 } = statusOf(job);
  if (findCondition(job, type)?.status !== "True")
    return { status: { conditions: [...conditions, condition(type, "True", reason, message, time)], startTime }, news: [] };
  if (!over) return { status: { conditions, startTime }, news: [] };
  if (type === "FailureTarget") {
    return {
      status: { conditions: [...conditions, condition("Failed", "True", reason, message, time)], startTime },
      news: [{ type: "Warning", reason, message }],
    };
  }
  const many: readonly Notice[] =
    job.spec.completions !== undefined && succeeded > job.spec.completions
      ? [{ type: "Warning", reason: "TooManySucceededPods", message: "Too many succeeded pods recorded" }]
      : [];
  return {
    status: { conditions: [...conditions, condition("Complete", "True", reason, message, time)], startTime, completionTime: time },
    news: [...many, { type: "Normal", reason: "Completed", message: "Job completed" }],
  };
}

function condition(type: string, status: Condition["status"], reason: string, message: string, time: string): Condition {
  return { type, status, lastProbeTime: time, lastTransitionTime: time, reason, message };
}

function replaced(conditions: readonly Condition[], next: Condition): readonly Condition[] {
  return [...conditions.filter(({ type }) => type !== next.type), next];
}

function given(conditions: readonly Condition[]): Pick<JobStatus, "conditions"> {
  return conditions.length === 0 ? {} : { conditions };
}
