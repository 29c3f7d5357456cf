import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { draftJobPod } from "../../orchestrator/controllers/job/draft-pod.ts";
import { judgeFailure } from "../../orchestrator/controllers/job/failure-policy.ts";
import { formatIndexes, parseIndexes } from "../../orchestrator/controllers/job/index-set.ts";
import { expiry } from "../../orchestrator/controllers/job/time-to-live.ts";
import { at, NOW } from "./objects.ts";
import { indexed, indexOf, job, PaperJob } from "./paper-job.ts";

describe("a Job makes", () => {
  const wants = [
    { name: "one pod when it says nothing", spec: { completions: 1 }, active: 1 },
    { name: "as many as run side by side", spec: { completions: 5, parallelism: 3 }, active: 3 },
    { name: "no more than are needed", spec: { completions: 2, parallelism: 3 }, active: 2 },
    { name: "as many workers as asked for when they share a queue", spec: { parallelism: 4 }, active: 4 },
    { name: "none for a parallelism of 0", spec: { completions: 2, parallelism: 0 }, active: 0 },
    { name: "at most five hundred in one look", spec: { completions: 700, parallelism: 700 }, active: 500 },
    { name: "none while it is suspended", spec: { completions: 1, suspend: true }, active: 0 },
  ];
  test.each(wants)("$name", ({ spec, active }) => {
    const paper = new PaperJob(job("work", spec));
    paper.step();
    expect(paper.pods).toHaveLength(active);
    expect(paper.status.active ?? 0).toBe(active);
  });

  test("the next as one succeeds, until all have", () => {
    const paper = new PaperJob(job("work", { completions: 3, parallelism: 2 })).settle();
    const first = paper.pods[0]?.metadata.name;
    paper.end(0, (pod) => pod.metadata.name === first).settle();
    expect(paper.status).toMatchObject({ active: 2, succeeded: 1 });
    paper.end(0).settle();
    expect(paper.status).toMatchObject({ succeeded: 3, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
    expect(paper.conditions).toEqual(["SuccessCriteriaMet=True CompletionsReached", "Complete=True CompletionsReached"]);
    expect(paper.events).toEqual(["Completed"]);
    expect(paper.pods.flatMap(({ metadata }) => metadata.finalizers ?? [])).toEqual([]);
  });

  test("no more workers once one has found the queue empty, and waits for the others", () => {
    const paper = new PaperJob(job("queue", { parallelism: 3 })).settle();
    const [first, second] = paper.pods.map(({ metadata }) => metadata.name);
    paper.end(0, (pod) => pod.metadata.name === first).settle();
    expect(paper.status).toMatchObject({ active: 2, succeeded: 1 });
    paper.end(1, (pod) => pod.metadata.name === second).settle();
    expect(paper.status.active).toBe(1);
    paper.end(0).settle();
    expect(paper.status).toMatchObject({ succeeded: 2, failed: 1 });
    expect(paper.conditions).toContain("Complete=True CompletionsReached");
  });

  test("nothing for no completions, and is complete", () => {
    const paper = new PaperJob(job("none", { completions: 0 })).settle();
    expect(paper.conditions).toEqual(["SuccessCriteriaMet=True CompletionsReached", "Complete=True CompletionsReached"]);
  });

  test("nothing when another controller manages it", () => {
    expect(new PaperJob(job("work", { completions: 1, managedBy: "example.com/other" })).step()).toBe(0);
  });

  test("fewer when its parallelism is lowered", () => {
    const paper = new PaperJob(job("work", { completions: 9, parallelism: 4 })).settle();
    paper.edit({ parallelism: 1 });
    paper.settle();
    expect(paper.status).toMatchObject({ active: 1 });
  });
});

describe("failures", () => {
  test("are replaced after 10 s, 20 s, 40 s…, and at most ten minutes", () => {
    const paper = new PaperJob(job("work", { completions: 1, backoffLimit: 20 })).settle();
    const waits: number[] = [];
    for (let failure = 0; failure < 8; failure++) {
      paper.end(1).settle();
      expect(paper.status.active).toBeUndefined();
      waits.push((paper.plan?.requeueAfter ?? 0) / 1000);
      paper.time += waits.at(-1) ?? 0;
      paper.settle();
      expect(paper.status.active).toBe(1);
    }
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 600, 600]);
  });

  test("start over after a success", () => {
    const paper = new PaperJob(job("work", { completions: 2 })).settle();
    paper.end(1).settle();
    paper.time += 10;
    paper.settle().end(0).settle();
    paper.time += 1;
    paper.settle().end(1).settle();
    expect(paper.plan?.requeueAfter).toBe(10_000);
  });

  test("beyond backoffLimit end the Job: first its pods, then the last condition", () => {
    const paper = new PaperJob(job("work", { completions: 4, parallelism: 2, backoffLimit: 0 })).settle();
    const first = paper.pods[0]?.metadata.name;
    paper.end(1, (pod) => pod.metadata.name === first).step();
    expect(paper.conditions).toEqual(["FailureTarget=True BackoffLimitExceeded"]);
    expect(paper.status.terminating).toBe(1);
    paper.step();
    expect(paper.conditions).toEqual(["FailureTarget=True BackoffLimitExceeded"]);
    paper.settle();
    expect(paper.conditions).toEqual(["FailureTarget=True BackoffLimitExceeded", "Failed=True BackoffLimitExceeded"]);
    expect(paper.status).toMatchObject({ failed: 2, terminating: 0 });
    expect(paper.status.conditions[1].message).toBe("Job has reached the specified backoff limit");
    expect(paper.events).toEqual(["BackoffLimitExceeded"]);
  });

  const restarts = [
    { name: "as many restarts as backoffLimit", backoffLimit: 2, count: 2, over: true },
    { name: "fewer restarts", backoffLimit: 2, count: 1, over: false },
    { name: "the first restart when the limit is 0", backoffLimit: 0, count: 1, over: true },
    { name: "no restart when the limit is 0", backoffLimit: 0, count: 0, over: false },
  ];
  test.each(restarts)("of containers that restart in place: $name", ({ backoffLimit, count, over }) => {
    const paper = new PaperJob(job("work", { completions: 1, backoffLimit, restartPolicy: "OnFailure" })).settle();
    paper.pods = paper.pods.map((pod) => ({ ...pod, status: { phase: "Running", containerStatuses: [{ name: "main", restartCount: count, state: {} }] } }));
    paper.settle();
    expect(paper.conditions.includes("Failed=True BackoffLimitExceeded")).toBe(over);
  });

  test("by time: activeDeadlineSeconds ends the Job, and the plan wakes for it", () => {
    const paper = new PaperJob(job("slow", { completions: 1, activeDeadlineSeconds: 30 })).settle();
    expect(paper.plan?.requeueAfter).toBe(30_000);
    paper.time = 30;
    paper.settle();
    expect(paper.conditions).toEqual(["FailureTarget=True DeadlineExceeded", "Failed=True DeadlineExceeded"]);
    expect(paper.events).toEqual(["DeadlineExceeded"]);
  });

  test.each([
    { policy: "TerminatingOrFailed", replaced: "at once", wait: 10_000 },
    { policy: "Failed", replaced: "only when it has ended", wait: undefined },
  ])("a pod that is deleted is replaced $replaced with podReplacementPolicy $policy, and counts as failed", ({ policy, wait }) => {
    const paper = new PaperJob(job("work", { completions: 1, podReplacementPolicy: policy })).settle();
    paper.pods = paper.pods.map((pod) => ({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: at(0) } }));
    paper.step();
    expect(paper.plan?.requeueAfter).toBe(wait);
    expect(paper.status).toMatchObject({ terminating: 1, ready: 0 });
    paper.settle();
    expect(paper.status).toMatchObject({ failed: 1, terminating: 0 });
  });
});

describe("suspending", () => {
  test("removes the pods and the start; resuming starts the clock anew", () => {
    const paper = new PaperJob(job("work", { completions: 1, activeDeadlineSeconds: 60 })).settle();
    paper.edit({ suspend: true });
    paper.settle();
    expect(paper.conditions).toEqual(["Suspended=True JobSuspended"]);
    expect(paper.status.active).toBeUndefined();
    expect(paper.status.startTime).toBeUndefined();
    paper.time = 500;
    paper.edit({ suspend: false });
    paper.settle();
    expect(paper.conditions).toEqual(["Suspended=False JobResumed"]);
    expect(paper.status).toMatchObject({ active: 1, startTime: "2030-01-01T00:08:20Z" });
    expect(paper.events).toEqual(["Suspended", "Resumed"]);
  });
});

describe("podFailurePolicy", () => {
  const pod = (code: number, condition?: string): KubeObject => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "ns", uid: "u", resourceVersion: "1", creationTimestamp: "" },
    status: {
      phase: "Failed",
      conditions: condition === undefined ? [] : [{ type: condition, status: "True" }],
      containerStatuses: [
        { name: "side", state: { terminated: { exitCode: 0 } } },
        { name: "main", state: { terminated: { exitCode: code } } },
      ],
    },
  });
  const rules = [
    { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
    { action: "FailJob", onExitCodes: { containerName: "main", operator: "In", values: [42, 43] } },
    { action: "Count", onExitCodes: { operator: "In", values: [7] } },
    { action: "FailIndex", onExitCodes: { containerName: "main", operator: "NotIn", values: [1] } },
  ];
  const rows = [
    { name: "an ignored condition", pod: pod(42, "DisruptionTarget"), want: { action: "Ignore", counts: false } },
    {
      name: "an exit code that ends the Job",
      pod: pod(43),
      want: { action: "FailJob", counts: true, message: "Container main for pod ns/p failed with exit code 43 matching FailJob rule at index 1" },
    },
    { name: "an exit code that counts", pod: pod(7), want: { action: "Count", counts: true } },
    { name: "any but one", pod: pod(9), want: { action: "FailIndex", counts: true } },
    { name: "no rule at all", pod: pod(1), want: { action: undefined, counts: true } },
  ];
  test.each(rows)("knows $name", ({ pod: failed, want }) => {
    expect(judgeFailure(job("work", { podFailurePolicy: { rules } }).spec, failed)).toEqual(want);
  });

  test("FailJob ends the Job with its reason", () => {
    const paper = new PaperJob(job("work", { completions: 3, parallelism: 3, podFailurePolicy: { rules } })).settle();
    const first = paper.pods[0]?.metadata.name;
    paper.end(42, ({ metadata }) => metadata.name === first).settle();
    expect(paper.conditions).toEqual(["FailureTarget=True PodFailurePolicy", "Failed=True PodFailurePolicy"]);
    expect(paper.status.failed).toBe(3);
  });

  test("Ignore does not count against the limit", () => {
    const ignore = { rules: [{ action: "Ignore", onExitCodes: { operator: "In", values: [5] } }] };
    const paper = new PaperJob(job("work", { completions: 1, backoffLimit: 0, podFailurePolicy: ignore })).settle();
    paper.end(5).settle();
    expect(paper.conditions).toEqual([]);
    expect(paper.status.failed).toBeUndefined();
  });

  test("FailIndex ends an index before its limit", () => {
    const paper = new PaperJob(
      indexed(2, { backoffLimitPerIndex: 5, podFailurePolicy: { rules: [{ action: "FailIndex", onExitCodes: { operator: "In", values: [3] } }] } }),
    ).settle();
    paper.end(3, (one) => indexOf(one) === 0).settle();
    expect(paper.status.failedIndexes).toBe("0");
  });
});

describe("every pod is counted exactly once", () => {
  /** A seed says after how many writes each look is killed, and how each pod ends. */
  const runs = fc.record({
    kills: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 30, maxLength: 60 }),
    codes: fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 12, maxLength: 12 }),
  });

  test.each(["NonIndexed", "Indexed"])("however often the controller is killed: %s", (completionMode) => {
    fc.assert(
      fc.property(runs, ({ kills, codes }) => {
        const paper = new PaperJob(job("work", { completions: 6, parallelism: 3, backoffLimit: 100, completionMode }));
        const tally = { succeeded: 0, failed: 0 };
        for (const [round, writes] of kills.entries()) {
          paper.step(writes);
          const running = paper.pods.find((pod) => pod.status.phase === "Running");
          const code = codes[round % codes.length] ?? 0;
          if (running === undefined) paper.time += 600;
          else {
            paper.end(code, (pod) => pod === running);
            tally[code === 0 ? "succeeded" : "failed"]++;
          }
          const held = paper.status.uncountedTerminatedPods ?? {};
          expect((paper.status.succeeded ?? 0) + (held.succeeded?.length ?? 0)).toBeLessThanOrEqual(tally.succeeded);
          expect((paper.status.failed ?? 0) + (held.failed?.length ?? 0)).toBeLessThanOrEqual(tally.failed);
        }
        for (let round = 0; round < 40 && !paper.events.includes("Completed"); round++) {
          paper.settle();
          tally.succeeded += paper.pods.filter((pod) => pod.status.phase === "Running").length;
          paper.end(0);
          paper.time += 600;
        }
        expect(paper.status).toMatchObject({ succeeded: 6, uncountedTerminatedPods: {} });
        expect(tally.succeeded).toBe(6);
        expect(paper.status.failed ?? 0).toBe(tally.failed);
      }),
      { numRuns: 200, seed: 5 },
    );
  });
});

test("a pod is drafted with the Job's finalizer beside its own", () => {
  const subject = job("work");
  const own = { ...subject, spec: { ...subject.spec, template: { ...subject.spec.template, metadata: { finalizers: ["example.com/keep"] } } } };
  expect(draftJobPod(own, {}).metadata.finalizers).toEqual(["example.com/keep", "batch.kubernetes.io/job-tracking"]);
});

test.each([
  ["0,2-4", [0, 2, 3, 4]],
  ["1,2", [1, 2]],
  ["", []],
  ["0-9", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
])("indexes %j are read and written", (text, indexes) => {
  expect([...parseIndexes(text, 10)]).toEqual(indexes);
  expect(formatIndexes(new Set(indexes.toReversed()))).toBe(text);
});

describe("ttlSecondsAfterFinished", () => {
  const finished = { status: { conditions: [{ type: "Complete", status: "True", lastTransitionTime: "2030-01-01T00:00:00Z" }] } };
  test.each([
    { name: "counts from the end", subject: job("a", { ttlSecondsAfterFinished: 60 }, finished), due: NOW + 60_000 },
    { name: "of zero is at once", subject: job("a", { ttlSecondsAfterFinished: 0 }, finished), due: NOW },
    { name: "waits for the end", subject: job("a", { ttlSecondsAfterFinished: 0 }), due: undefined },
    { name: "is not there by default", subject: job("a", {}, finished), due: undefined },
  ])("$name", ({ subject, due }) => {
    expect(expiry(subject)).toBe(due);
  });
});
