/** A Job on paper: does what the plan says to pods held in memory, one write at a time, so that a test can kill it between any two. */
import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { draftJobPod } from "../../orchestrator/controllers/job/draft-pod.ts";
import { planJob, type JobPlan } from "../../orchestrator/controllers/job/plan.ts";
import { withoutTracking } from "../../orchestrator/controllers/job/track.ts";
import { isTerminal } from "../../orchestrator/controllers/pods.ts";
import { at, meta, NOW } from "./objects.ts";

/** With the API server's defaults. */
export function job(name: string, spec: Record<string, unknown> = {}, more: Partial<KubeObject> = {}): KubeObject {
  const labels = { "job-name": name };
  const { restartPolicy = "Never", ...rest } = spec;
  const template = { metadata: { labels }, spec: { restartPolicy, containers: [{ name: "main", image: "work:v1" }] } };
  const defaults = { parallelism: 1, backoffLimit: rest["backoffLimitPerIndex"] === undefined ? 6 : 2 ** 31 - 1, completionMode: "NonIndexed", suspend: false };
  const replacement = { podReplacementPolicy: rest["podFailurePolicy"] === undefined ? "TerminatingOrFailed" : "Failed" };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: meta(name, { creationTimestamp: at(0) }),
    spec: { ...defaults, ...replacement, selector: { matchLabels: labels }, template, ...rest },
    ...more,
  };
}

export class PaperJob {
  job: KubeObject;
  pods: KubeObject[] = [];
  /** Seconds since the start. */
  time = 0;
  /** Reasons, in order. */
  readonly events: string[] = [];
  plan: JobPlan | undefined;
  #made = 0;

  constructor(subject: KubeObject) {
    this.job = subject;
  }

  get status(): any {
    return this.job.status ?? {};
  }

  edit(spec: object): void {
    this.job = { ...this.job, spec: { ...this.job.spec, ...spec } };
  }

  /** One look, killed after `writes` writes. Returns how many it made. */
  step(writes = Infinity): number {
    this.plan = planJob(this.job, this.pods, NOW + this.time * 1000);
    let done = 0;
    for (const write of this.#writes(this.plan)) {
      if (done >= writes) return done;
      write();
      done++;
    }
    return done;
  }

  /** Looks until nothing changes; what is being deleted ends meanwhile. */
  settle(): this {
    for (let round = 0; round < 50; round++) {
      const before = this.pods;
      const done = this.step();
      this.reap();
      if (done === 0 && isDeepStrictEqual(before, this.pods)) return this;
    }
    throw new Error("Cannot settle the job: it goes on for ever");
  }

  /** Ends pods as they come, `0` Succeeded, others Failed. */
  end(code: number, choose: (pod: KubeObject) => boolean = () => true): this {
    this.pods = this.pods.map((pod) => (isTerminal(pod) || !choose(pod) ? pod : ended(pod, code, this.time)));
    return this;
  }

  /** The node ends what is being deleted; what nothing holds goes. */
  reap(): void {
    this.pods = this.pods
      .map((pod) => (pod.metadata.deletionTimestamp === undefined || isTerminal(pod) ? pod : ended(pod, 143, this.time)))
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined || (metadata.finalizers ?? []).length > 0);
  }

  /** `Suspended=True JobSuspended`… */
  get conditions(): string[] {
    return (this.status.conditions ?? []).map(({ type, status, reason }: any) => `${type}=${status} ${reason}`);
  }

  get indexes(): number[] {
    return this.pods.filter((pod) => !isTerminal(pod)).map((pod) => Number(pod.metadata.annotations?.["batch.kubernetes.io/job-completion-index"]));
  }

  *#writes(plan: JobPlan | undefined): Generator<() => void> {
    for (const pod of plan?.remove ?? []) yield () => this.#change(pod, (one) => ({ ...one, metadata: { ...one.metadata, deletionTimestamp: at(this.time) } }));
    for (const slot of plan?.create ?? []) yield () => this.pods.push(this.#create(draftJobPod(this.job, slot) as KubeObject));
    const status = plan?.status;
    if (status !== undefined && JSON.stringify(status) !== JSON.stringify(this.job.status)) {
      yield () => {
        this.job = { ...this.job, status };
        this.events.push(...(plan?.news ?? []).map(({ reason }) => reason));
      };
    }
    for (const pod of plan?.release ?? []) yield () => this.#change(pod, withoutTracking);
  }

  #create(draft: KubeObject): KubeObject {
    const name = `${draft.metadata.generateName}${this.#made++}`;
    const metadata = { ...draft.metadata, name, uid: `uid-${name}`, resourceVersion: "1", creationTimestamp: at(this.time) };
    return { ...draft, metadata, spec: { ...draft.spec, nodeName: "here" }, status: { phase: "Running" } };
  }

  #change(pod: KubeObject, change: (pod: KubeObject) => KubeObject): void {
    this.pods = this.pods.map((one) => (one.metadata.uid === pod.metadata.uid ? change(one) : one));
  }
}

function ended(pod: KubeObject, exitCode: number, time: number): KubeObject {
  const terminated = { exitCode, reason: exitCode === 0 ? "Completed" : "Error", finishedAt: at(time) };
  return {
    ...pod,
    status: { ...pod.status, phase: exitCode === 0 ? "Succeeded" : "Failed", containerStatuses: [{ name: "main", restartCount: 0, state: { terminated } }] },
  };
}

export const indexed = (completions: number, more: object = {}): KubeObject =>
  job("fan", { completions, parallelism: completions, completionMode: "Indexed", ...more });
export const indexOf = (pod: KubeObject): number => Number(pod.metadata.annotations?.["batch.kubernetes.io/job-completion-index"]);
