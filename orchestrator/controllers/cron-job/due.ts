/** Which of a CronJob's times is due. Decides, and does nothing. Spec: Kubernetes documentation, "CronJob", Job creation. */
import type { KubeObject } from "../../cluster.ts";
import type { CronSchedule } from "../../schema/cron-schedule.ts";
import type { WallClock } from "../../schema/time-zone.ts";
import { parseTime } from "../clock.ts";
import { specOf, statusOf } from "./cron-job-spec.ts";
import { lastTime, nextTime } from "./next-time.ts";

/** More missed times than this are told of. */
const MANY = 100;
/** So late after a time the controller looks again: just behind it. */
const DELTA_MS = 100;

export interface Due {
  /** The latest time that is due and was not served, in milliseconds since the epoch; times before it are skipped. */
  readonly at: number | undefined;
  readonly tooMany: boolean;
  /** Past its starting deadline. */
  readonly tooLate: boolean;
}

export function findDue(cronJob: KubeObject, schedule: CronSchedule, wall: WallClock, now: number): Due {
  const { startingDeadlineSeconds } = specOf(cronJob);
  const deadline = startingDeadlineSeconds === undefined ? -Infinity : now - startingDeadlineSeconds * 1000;
  const served = parseTime(statusOf(cronJob).lastScheduleTime ?? cronJob.metadata.creationTimestamp);
  const at = lastTime(schedule, wall, served, now);
  return { at, tooMany: missed(schedule, wall, Math.max(served, deadline), now) > MANY, tooLate: at !== undefined && at < deadline };
}

/** Milliseconds until the next time. */
export function untilNext(schedule: CronSchedule, wall: WallClock, from: number, now: number): number | undefined {
  const next = nextTime(schedule, wall, from);
  return next === undefined ? undefined : Math.max(0, next - now) + DELTA_MS;
}

/** By the distance of the first two: exact enough to know many from few. */
function missed(schedule: CronSchedule, wall: WallClock, from: number, now: number): number {
  const first = nextTime(schedule, wall, from);
  const second = first === undefined || first > now ? undefined : nextTime(schedule, wall, first);
  if (first === undefined || second === undefined) return 0;
  return Math.floor((now - first) / (second - first)) + 1;
}
