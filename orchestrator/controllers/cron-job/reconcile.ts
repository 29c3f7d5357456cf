/** Makes a Job at each time of a CronJob's schedule, and keeps a few of those that ended. The shell around `planCronJob`. */
import { isDeepStrictEqual } from "node:util";
import type { KubeObject, ObjectKey } from "../../cluster.ts";
import { messageOf } from "../../errors.ts";
import { hasReason, keyOf, type Controller } from "../controller.ts";
import { JOBS } from "../job/reconcile.ts";
import type { Outcome } from "../loop.ts";
import { controllerOf, isControlledBy } from "../owner.ts";
import type { Collaborators } from "../collaborators.ts";
import { referenceTo, statusOf, type CronJobStatus } from "./cron-job-spec.ts";
import { draftJob } from "./draft-job.ts";
import { planCronJob, type CronJobPlan } from "./plan.ts";

const CRON_JOBS = "cronjobs.batch";

export function cronJobController(room: Collaborators): Controller {
  return {
    name: "cronjob",
    workers: 5,
    watches: {
      [CRON_JOBS]: ({ object }) => [keyOf(object)],
      [JOBS]: ({ object }) => ownerOf(object),
    },
    reconcile: async (key) => await reconcile(key, room),
  };
}

function ownerOf(job: KubeObject): ObjectKey[] {
  const owner = controllerOf(job);
  return owner?.kind === "CronJob" ? [{ namespace: job.metadata.namespace, name: owner.name }] : [];
}

async function reconcile(key: ObjectKey, room: Collaborators): Promise<Outcome | void> {
  const { cluster, clock } = room;
  const cronJob = cluster.get(CRON_JOBS, key);
  if (cronJob === undefined) return;
  const jobs = cluster.list(JOBS, key.namespace).filter((job) => isControlledBy(job, cronJob));
  const plan = planCronJob(cronJob, jobs, clock.now());
  for (const job of [...plan.forget, ...plan.replace]) await removeJob(cronJob, job, room);
  const made = await startJob(cronJob, plan, room);
  await writeStatus(cronJob, made === undefined ? plan.status : withActive(plan.status, made), plan, room);
  return plan.requeueAfter === undefined ? {} : { requeueAfter: plan.requeueAfter };
}

/** Undefined when none is due. A Job of that name that is not ours counts as the one to be made: it is left alone. */
async function startJob(cronJob: KubeObject, { start }: CronJobPlan, { cluster, recorder }: Collaborators): Promise<KubeObject | undefined> {
  if (start === undefined) return undefined;
  try {
    const job = await cluster.create(JOBS, draftJob(cronJob, start));
    recorder.record(cronJob, "Normal", "SuccessfulCreate", `Created job ${job.metadata.name}`);
    return job;
  } catch (error) {
    if (hasReason(error, "AlreadyExists")) return undefined;
    recorder.record(cronJob, "Warning", "FailedCreate", `Error creating job: ${messageOf(error)}`);
    throw error;
  }
}

async function removeJob(cronJob: KubeObject, job: KubeObject, { cluster, recorder }: Collaborators): Promise<void> {
  try {
    await cluster.delete(JOBS, keyOf(job), { propagationPolicy: "Background", preconditions: { uid: job.metadata.uid } });
    recorder.record(cronJob, "Normal", "SuccessfulDelete", `Deleted job ${job.metadata.name}`);
  } catch (error) {
    recorder.record(cronJob, "Warning", "FailedDelete", `Deleted job: ${messageOf(error)}`);
    throw error;
  }
}

function withActive(status: CronJobStatus, job: KubeObject): CronJobStatus {
  return { ...status, active: [...(status.active ?? []), referenceTo(job)] };
}

/** @throws {ApiError} `Conflict` when the CronJob has changed: it is looked at again, and finds the Job that was made */
async function writeStatus(cronJob: KubeObject, status: CronJobStatus, { news }: CronJobPlan, { cluster, recorder }: Collaborators): Promise<void> {
  if (!isDeepStrictEqual(status, statusOf(cronJob))) await cluster.updateStatus(CRON_JOBS, { ...cronJob, status });
  for (const { type, reason, message } of news) recorder.record(cronJob, type, reason, message);
}
