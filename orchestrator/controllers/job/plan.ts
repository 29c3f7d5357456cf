/** What one look at a Job and its pods asks for. Decides, and does nothing. Spec: Kubernetes documentation, "Jobs". */
import type { KubeObject } from "../../cluster.ts";
import { formatTime } from "../clock.ts";
import type { Notice } from "../events.ts";
import { planClaim } from "../owner.ts";
import { jobConditions } from "./conditions.ts";
import { formatIndexes } from "./index-set.ts";
import { finishOf, isIndexed, specOf, type JobSpec, type JobStatus } from "./job-spec.ts";
import { planPods, type PodsPlan, type Slot } from "./plan-pods.ts";
import { tallyJob, type Tally } from "./tally.ts";
import { planTracking, type Tracking } from "./tracking.ts";
import { judgeJob, REACHED, remainingDeadline, type Verdict } from "./verdict.ts";

export interface JobPlan {
  readonly adopt: readonly KubeObject[];
  readonly disown: readonly KubeObject[];
  readonly remove: readonly KubeObject[];
  readonly create: readonly Slot[];
  /** As it is once pods are made and removed; to be written before finalizers go. */
  readonly status: JobStatus;
  /** Pods whose tracking finalizer goes. */
  readonly release: readonly KubeObject[];
  /** To be told once the status is written. */
  readonly news: readonly Notice[];
  readonly requeueAfter: number | undefined;
}

const MANAGER = "kubernetes.io/job-controller";

/** `candidates` are the pods of the Job's namespace. Undefined when there is nothing more to do, or another controller does it. */
export function planJob(job: KubeObject, candidates: readonly KubeObject[], now: number): JobPlan | undefined {
  const spec = specOf(job);
  if (finishOf(job) !== undefined || (spec.managedBy ?? MANAGER) !== MANAGER) return undefined;
  const claim = planClaim(job, spec.selector, candidates);
  const tally = tallyJob(job, spec, claim.owned);
  const early = judgeJob(job, spec, tally, now);
  const pods = podsOf(job, spec, tally, early, now);
  const active = tally.active.length + pods.create.length - pods.remove.length;
  const verdict = early ?? (isComplete(spec, tally, active) ? REACHED : undefined);
  const tracking = planTracking(job, spec, tally, verdict);
  const terminating = tally.terminating + pods.remove.length;
  const over = tracking.done && terminating === 0 && active === 0;
  const conditions = jobConditions(job, { verdict, over, suspended: spec.suspend, time: formatTime(now) });
  return {
    adopt: claim.adopt,
    disown: claim.release,
    remove: pods.remove,
    create: pods.create,
    status: statusAfter(spec, { tally, tracking, active, terminating, conditions: conditions.status }),
    release: tracking.release,
    news: conditions.news,
    requeueAfter: verdict === undefined ? earliest(pods.wait, remainingDeadline(job, spec, now)) : undefined,
  };
}

function podsOf(job: KubeObject, spec: JobSpec, tally: Tally, verdict: Verdict | undefined, now: number): PodsPlan {
  if (verdict !== undefined) return { create: [], remove: tally.active, wait: undefined };
  return job.metadata.deletionTimestamp === undefined ? planPods(spec, tally, now) : { create: [], remove: [], wait: undefined };
}

function isComplete({ completions }: JobSpec, { succeeded }: Tally, active: number): boolean {
  return active === 0 && (completions === undefined ? succeeded > 0 : succeeded >= completions);
}

interface After {
  readonly tally: Tally;
  readonly tracking: Tracking;
  readonly active: number;
  readonly terminating: number;
  readonly conditions: Partial<JobStatus>;
}

/** As the API prints it: zero counts left out, except where it tells zero from unknown. */
function statusAfter(spec: JobSpec, { tally, tracking, active, terminating, conditions }: After): JobStatus {
  const counts = { active, succeeded: tracking.succeeded, failed: tracking.failed };
  return {
    ...conditions,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ready: Math.min(tally.ready, active),
    terminating,
    ...(isIndexed(spec) && tally.completed.size > 0 && { completedIndexes: formatIndexes(tally.completed) }),
    ...(tally.failedIndexes !== undefined && { failedIndexes: formatIndexes(tally.failedIndexes) }),
    uncountedTerminatedPods: tracking.uncounted,
  };
}

function earliest(...waits: readonly (number | undefined)[]): number | undefined {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? undefined : Math.max(0, Math.min(...known));
}
