/** A CronJob's spec and status as its controller reads them, after defaults. Spec: Kubernetes API, batch/v1. */
import type { KubeObject } from "../../cluster.ts";

export interface CronJobSpec {
  readonly schedule: string;
  readonly timeZone?: string;
  readonly startingDeadlineSeconds?: number;
  readonly concurrencyPolicy: "Allow" | "Forbid" | "Replace";
  readonly suspend: boolean;
  readonly successfulJobsHistoryLimit?: number;
  readonly failedJobsHistoryLimit?: number;
  readonly jobTemplate: {
    readonly metadata?: { readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> };
    readonly spec: unknown;
  };
}

export interface CronJobStatus {
  readonly active?: readonly JobReference[];
  readonly lastScheduleTime?: string;
  readonly lastSuccessfulTime?: string;
}

export interface JobReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion?: string;
}

export function specOf(cronJob: KubeObject): CronJobSpec {
  return cronJob.spec as CronJobSpec;
}

export function statusOf(cronJob: KubeObject): CronJobStatus {
  return (cronJob.status ?? {}) as CronJobStatus;
}

export function referenceTo({ apiVersion, kind, metadata }: KubeObject): JobReference {
  const { namespace, name, uid, resourceVersion } = metadata;
  return { kind, ...(namespace !== undefined && { namespace }), name, uid, apiVersion, resourceVersion };
}
