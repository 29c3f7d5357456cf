/** What one look at a CronJob and its Jobs asks for. Decides, and does nothing. Spec: Kubernetes documentation, "CronJob". */
import type { KubeObject } from "../../cluster.ts";
import { parseSchedule, scheduleProblem, type CronSchedule } from "../../schema/cron-schedule.ts";
import { timeZoneProblem, wallClock, type WallClock } from "../../schema/time-zone.ts";
import { formatTime, parseTime } from "../clock.ts";
import type { Notice } from "../events.ts";
import { finishOf } from "../job/job-spec.ts";
import { followJobs, normal, type Followed } from "./active.ts";
import { referenceTo, specOf, statusOf, type CronJobStatus } from "./cron-job-spec.ts";
import { findDue, untilNext } from "./due.ts";
import { planHistory } from "./history.ts";

export interface CronJobPlan {
  /** Finished Jobs beyond the limits. */
  readonly forget: readonly KubeObject[];
  /** Jobs that make room for the next. */
  readonly replace: readonly KubeObject[];
  /** The time, in milliseconds since the epoch, to make a Job for. */
  readonly start: number | undefined;
  /** Without the Job that is to be made. */
  readonly status: CronJobStatus;
  readonly news: readonly Notice[];
  readonly requeueAfter: number | undefined;
}

/** `jobs` are those that the CronJob controls. */
export function planCronJob(cronJob: KubeObject, jobs: readonly KubeObject[], now: number): CronJobPlan {
  const timing = timingOf(cronJob);
  const due = "problem" in timing ? undefined : findDue(cronJob, timing.schedule, timing.wall, now);
  const made = due?.at === undefined ? undefined : jobs.find(({ metadata }) => metadata.name === jobName(cronJob, due.at ?? 0));
  const followed = followJobs(cronJob, jobs, made?.metadata.name);
  const idle = { forget: planHistory(cronJob, jobs), replace: [], start: undefined, status: statusAfter(cronJob, followed), news: followed.news };
  if (cronJob.metadata.deletionTimestamp !== undefined) return { ...idle, requeueAfter: undefined };
  if ("problem" in timing) return { ...idle, news: [...followed.news, timing.problem], requeueAfter: undefined };
  if (specOf(cronJob).suspend) return { ...idle, requeueAfter: undefined };
  const next = (served: number): number | undefined => untilNext(timing.schedule, timing.wall, served, now);
  if (due?.at === undefined) return { ...idle, requeueAfter: next(now) };
  const { at } = due;
  const many = due.tooMany ? [TOO_MANY] : [];
  const wait = { ...idle, requeueAfter: next(now) };
  if (made !== undefined) return { ...wait, status: statusAfter(cronJob, withJob(followed, made), at) };
  if (due.tooLate) {
    const message = `Missed scheduled time to start a job: ${new Date(at).toUTCString().replace("GMT", "+0000")}`;
    return { ...wait, news: [...followed.news, ...many, { type: "Warning", reason: "MissSchedule", message }] };
  }
  if (specOf(cronJob).concurrencyPolicy === "Forbid" && followed.active.length > 0) {
    const told = normal("JobAlreadyActive", "Not starting job because prior execution is running and concurrency policy is Forbid");
    return { ...wait, news: [...followed.news, ...many, told] };
  }
  const replace = specOf(cronJob).concurrencyPolicy === "Replace" ? jobs.filter(({ metadata: { uid } }) => followed.active.some((one) => one.uid === uid)) : [];
  const kept = { ...followed, active: followed.active.filter(({ uid }) => !replace.some((job) => job.metadata.uid === uid)) };
  return { ...wait, replace, start: at, status: statusAfter(cronJob, kept, at), news: [...followed.news, ...many] };
}

/** The same time gives the same name: a Job is never made twice. */
export function jobName({ metadata }: KubeObject, at: number): string {
  return `${metadata.name}-${Math.floor(at / 60_000)}`;
}

const TOO_MANY: Notice = {
  type: "Warning",
  reason: "TooManyMissedTimes",
  message: "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
};

type Timing = { readonly schedule: CronSchedule; readonly wall: WallClock } | { readonly problem: Notice };

function timingOf(cronJob: KubeObject): Timing {
  const { schedule, timeZone } = specOf(cronJob);
  const zoneProblem = timeZone === undefined ? undefined : timeZoneProblem(timeZone);
  if (zoneProblem !== undefined) return { problem: { type: "Warning", reason: "UnknownTimeZone", message: `invalid timeZone: "${timeZone}": ${zoneProblem}` } };
  const problem = scheduleProblem(schedule);
  if (problem !== undefined)
    return { problem: { type: "Warning", reason: "UnparseableSchedule", message: `unparseable schedule: "${schedule}" : ${problem}` } };
  return { schedule: parseSchedule(schedule), wall: wallClock(timeZone) };
}

function withJob(followed: Followed, job: KubeObject): Followed {
  const known = finishOf(job) !== undefined || followed.active.some(({ uid }) => uid === job.metadata.uid);
  return known ? followed : { ...followed, active: [...followed.active, referenceTo(job)] };
}

function statusAfter(cronJob: KubeObject, { active, lastSuccessfulTime }: Followed, at?: number): CronJobStatus {
  const before = statusOf(cronJob).lastScheduleTime;
  const lastScheduleTime = at === undefined || at < parseTime(before) ? before : formatTime(at);
  return {
    ...(active.length > 0 && { active }),
    ...(lastScheduleTime !== undefined && { lastScheduleTime }),
    ...(lastSuccessfulTime !== undefined && { lastSuccessfulTime }),
  };
}
