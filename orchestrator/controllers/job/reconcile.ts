/** Runs each Job's pods until enough of them have succeeded, or too many failed. The shell around `planJob`. */
import { isDeepStrictEqual } from "node:util";
import type { KubeObject, ObjectKey } from "../../cluster.ts";
import { messageOf } from "../../errors.ts";
import { keysOfMember } from "../claim.ts";
import { keyOf, type Controller } from "../controller.ts";
import type { Outcome } from "../loop.ts";
import { adopted, released } from "../owner.ts";
import type { Collaborators } from "../collaborators.ts";
import { createPod, deletePod } from "../pod-control.ts";
import { slowStart } from "../slow-start.ts";
import { draftJobPod } from "./draft-pod.ts";
import { statusOf, type JobStatus } from "./job-spec.ts";
import { planJob, type JobPlan } from "./plan.ts";
import { untrack, withoutTracking, withTracking } from "./track.ts";

export const JOBS = "jobs.batch";

export function jobController(room: Collaborators): Controller {
  return {
    name: "job",
    workers: 5,
    watches: {
      [JOBS]: ({ object }) => [keyOf(object)],
      pods: (event) => keysOfMember(room.cluster, { resource: JOBS, kind: "Job" }, event),
    },
    reconcile: async (key) => await reconcile(key, room),
  };
}

async function reconcile(key: ObjectKey, room: Collaborators): Promise<Outcome | void> {
  const { cluster, clock } = room;
  const job = cluster.get(JOBS, key);
  const plan = job && planJob(job, cluster.list("pods", key.namespace), clock.now());
  if (job === undefined || plan === undefined) return;
  for (const pod of plan.adopt) await cluster.update("pods", withTracking(adopted(pod, job)));
  for (const pod of plan.disown) await cluster.update("pods", withoutTracking(released(pod, job)));
  await Promise.all(plan.remove.map(async (pod) => await deletePod(job, pod, room)));
  const { missing, failure } = await createPods(job, plan, room);
  await writeStatus(job, withoutMissing(plan.status, missing), plan, room);
  await Promise.all(plan.release.map(async (pod) => await untrack(cluster, pod)));
  if (failure !== undefined) throw failure;
  return plan.requeueAfter === undefined ? {} : { requeueAfter: plan.requeueAfter };
}

interface Made {
  /** How many of the planned pods could not be made. */
  readonly missing: number;
  /** The first reason. */
  readonly failure?: Error;
}

async function createPods(job: KubeObject, { create }: JobPlan, room: Collaborators): Promise<Made> {
  const slots = [...create];
  let made = 0;
  try {
    await slowStart(create.length, async () => {
      await createPod(job, draftJobPod(job, slots.shift() ?? {}), room);
      made++;
    });
    return { missing: 0 };
  } catch (error) {
    return { missing: create.length - made, failure: error instanceof Error ? error : new Error(messageOf(error)) };
  }
}

function withoutMissing(status: JobStatus, missing: number): JobStatus {
  if (missing === 0) return status;
  const { active = 0, ...rest } = status;
  return active > missing ? { ...rest, active: active - missing } : rest;
}

/** Only onto the very Job that was planned for: counts build on what it said. @throws {ApiError} `Conflict` */
async function writeStatus(job: KubeObject, status: JobStatus, { news }: JobPlan, { cluster, recorder }: Collaborators): Promise<void> {
  if (isDeepStrictEqual(status, statusOf(job))) return;
  const written = await cluster.updateStatus(JOBS, { ...job, status });
  for (const { type, reason, message } of news) recorder.record(written, type, reason, message);
}
