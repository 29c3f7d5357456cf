/** Which finished Jobs a CronJob no longer keeps, the oldest first. Decides, and does nothing. */
import type { KubeObject } from "../../cluster.ts";
import { finishOf, statusOf } from "../job/job-spec.ts";
import { specOf } from "./cron-job-spec.ts";

export function planHistory(cronJob: KubeObject, jobs: readonly KubeObject[]): readonly KubeObject[] {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = specOf(cronJob);
  return [...beyond(jobs, "Complete", successfulJobsHistoryLimit), ...beyond(jobs, "Failed", failedJobsHistoryLimit)];
}

function beyond(jobs: readonly KubeObject[], type: string, limit: number | undefined): readonly KubeObject[] {
  const finished = jobs.filter((job) => finishOf(job)?.type === type && job.metadata.deletionTimestamp === undefined);
  return limit === undefined ? [] : finished.toSorted(byStart).slice(0, Math.max(0, finished.length - limit));
}

/** A Job that never started comes last. */
function byStart(left: KubeObject, right: KubeObject): number {
  const [first, second] = [statusOf(left).startTime ?? "~", statusOf(right).startTime ?? "~"];
  return first === second ? (left.metadata.name < right.metadata.name ? -1 : 1) : first < second ? -1 : 1;
}
