/** A Job as a CronJob makes it for one of its times. */
import type { Draft, KubeObject } from "../../cluster.ts";
import { wallClock } from "../../schema/time-zone.ts";
import { controllerReference } from "../owner.ts";
import { specOf } from "./cron-job-spec.ts";
import { jobName } from "./plan.ts";

const SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp";

export function draftJob(cronJob: KubeObject, at: number): Draft {
  const { jobTemplate, timeZone } = specOf(cronJob);
  const { labels, annotations } = jobTemplate.metadata ?? {};
  const { namespace } = cronJob.metadata;
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: jobName(cronJob, at),
      ...(namespace !== undefined && { namespace }),
      ...(labels !== undefined && { labels }),
      annotations: { ...annotations, [SCHEDULED]: formatZoned(at, timeZone) },
      ownerReferences: [controllerReference(cronJob)],
    },
    spec: jobTemplate.spec,
  };
}

/** RFC 3339 with the zone's offset; UTC when no zone is named. */
export function formatZoned(instant: number, zone: string | undefined): string {
  const shown = wallClock(zone ?? "UTC")(instant);
  const minutes = Math.round((shown - instant) / 60_000);
  const text = new Date(shown).toISOString().slice(0, 19);
  if (minutes === 0) return `${text}Z`;
  const two = (value: number): string => String(Math.trunc(value)).padStart(2, "0");
  return `${text}${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}
