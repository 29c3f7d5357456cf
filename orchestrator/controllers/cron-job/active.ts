/** A CronJob's list of running Jobs, brought up to what its Jobs are now. Decides, and does nothing. */
import type { KubeObject } from "../../cluster.ts";
import type { Notice } from "../events.ts";
import { finishOf, statusOf as jobStatusOf } from "../job/job-spec.ts";
import { statusOf, type JobReference } from "./cron-job-spec.ts";

export interface Followed {
  readonly active: readonly JobReference[];
  readonly lastSuccessfulTime: string | undefined;
  readonly news: readonly Notice[];
}

/** `expected` is the name of a Job that was made, but not yet written into the list. */
export function followJobs(cronJob: KubeObject, jobs: readonly KubeObject[], expected: string | undefined): Followed {
  const { active = [], lastSuccessfulTime } = statusOf(cronJob);
  const listed = new Set(active.map(({ uid }) => uid));
  const news = jobs.flatMap((job) => newsOf(job, listed.has(job.metadata.uid), expected));
  const known = new Map(jobs.map((job) => [job.metadata.uid, job]));
  const missing = active.filter(({ uid }) => !known.has(uid));
  const running = active.filter(({ uid }) => {
    const job = known.get(uid);
    return job !== undefined && finishOf(job) === undefined;
  });
  const successes = jobs.filter((job) => finishOf(job)?.type === "Complete").flatMap((job) => jobStatusOf(job).completionTime ?? []);
  return {
    active: running,
    lastSuccessfulTime: [lastSuccessfulTime ?? "", ...successes].toSorted().at(-1) || undefined,
    news: [...news, ...missing.map(({ name }) => normal("MissingJob", `Active job went missing: ${name}`))],
  };
}

function newsOf(job: KubeObject, listed: boolean, expected: string | undefined): Notice[] {
  const finish = finishOf(job);
  const { name } = job.metadata;
  if (listed) return finish === undefined ? [] : [normal("SawCompletedJob", `Saw completed job: ${name}, condition: ${finish.type}`)];
  if (finish !== undefined || name === expected) return [];
  return [{ type: "Warning", reason: "UnexpectedJob", message: `Saw a job that the controller did not create or forgot: ${name}` }];
}

export function normal(reason: string, message: string): Notice {
  return { type: "Normal", reason, message };
}
