import { describe, expect, test } from "vitest";
import { draftJobPod } from "../../orchestrator/controllers/job/draft-pod.ts";
import { indexed, indexOf, job, PaperJob } from "./paper-job.ts";

describe("an Indexed Job", () => {
  test("gives every index a pod with its number in name, hostname, label, annotation and environment", () => {
    const pod = draftJobPod(indexed(3), { index: 2 }) as any;
    expect(pod.metadata).toMatchObject({
      generateName: "fan-2-",
      labels: { "batch.kubernetes.io/job-completion-index": "2" },
      annotations: { "batch.kubernetes.io/job-completion-index": "2" },
      finalizers: ["batch.kubernetes.io/job-tracking"],
    });
    expect(pod.spec.hostname).toBe("fan-2");
    expect(pod.spec.containers[0].env).toEqual([
      {
        name: "JOB_COMPLETION_INDEX",
        valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" } },
      },
    ]);
  });

  test("cuts a long name so that the index stays whole", () => {
    const pod = draftJobPod(job("x".repeat(60), { completions: 100, completionMode: "Indexed" }), { index: 99 });
    expect(pod.metadata.generateName).toBe(`${"x".repeat(54)}-99-`);
  });

  test("takes the lowest indexes first, tries a failed one again, and lists those that are done", () => {
    const paper = new PaperJob(indexed(5, { parallelism: 3 })).settle();
    expect(paper.indexes).toEqual([0, 1, 2]);
    paper.end(0, (pod) => indexOf(pod) !== 1).settle();
    expect(paper.status.completedIndexes).toBe("0,2");
    expect(paper.indexes).toEqual([1, 3, 4]);
    paper.end(1, (pod) => indexOf(pod) === 1).end(0, (pod) => indexOf(pod) > 2);
    paper.settle();
    expect(paper.status.completedIndexes).toBe("0,2-4");
    paper.time += 10;
    paper.settle();
    expect(paper.indexes).toEqual([1]);
    paper.end(0).settle();
    expect(paper.status).toMatchObject({ completedIndexes: "0-4", succeeded: 5, failed: 1 });
    expect(paper.conditions).toContain("Complete=True CompletionsReached");
  });

  test("shrinks and grows with its completions", () => {
    const paper = new PaperJob(indexed(4)).settle();
    paper.end(0, (pod) => indexOf(pod) === 3).settle();
    paper.edit({ completions: 2, parallelism: 2 });
    paper.settle();
    expect(paper.indexes).toEqual([0, 1]);
    expect(paper.status).toMatchObject({ active: 2, ready: 0 });
    expect(paper.status.completedIndexes).toBeUndefined();
    paper.edit({ completions: 3, parallelism: 3 });
    paper.settle();
    expect(paper.indexes).toEqual([0, 1, 2]);
  });

  test("keeps one of two pods with the same index", () => {
    const paper = new PaperJob(indexed(2)).settle();
    const [first] = paper.pods;
    paper.pods.push({ ...first!, metadata: { ...first!.metadata, name: "twin", uid: "uid-twin" } });
    paper.settle();
    expect(new Set(paper.indexes)).toEqual(new Set([0, 1]));
    expect(paper.indexes).toHaveLength(2);
  });

  test("backoffLimitPerIndex: an index fails for good by itself, the others go on", () => {
    const paper = new PaperJob(indexed(3, { backoffLimitPerIndex: 1 })).settle();
    paper.end(1, (pod) => indexOf(pod) === 1).settle();
    expect(paper.status.failedIndexes).toBe("");
    expect(paper.plan?.requeueAfter).toBe(10_000);
    paper.time = 10;
    paper.settle();
    expect(paper.pods.map((pod) => pod.metadata.annotations?.["batch.kubernetes.io/job-index-failure-count"])).toEqual(["0", "0", "0", "1"]);
    paper.end(1, (pod) => indexOf(pod) === 1).settle();
    expect(paper.status.failedIndexes).toBe("1");
    expect(paper.indexes).toEqual([0, 2]);
    paper.end(0).settle();
    expect(paper.conditions).toEqual(["FailureTarget=True FailedIndexes", "Failed=True FailedIndexes"]);
    expect(paper.status).toMatchObject({ completedIndexes: "0,2", succeeded: 2, failed: 2 });
  });

  test("maxFailedIndexes ends it early", () => {
    const paper = new PaperJob(indexed(4, { backoffLimitPerIndex: 0, maxFailedIndexes: 1 })).settle();
    paper.end(1, (pod) => indexOf(pod) < 2).settle();
    expect(paper.conditions).toEqual(["FailureTarget=True MaxFailedIndexesExceeded", "Failed=True MaxFailedIndexesExceeded"]);
    expect(paper.status.failedIndexes).toBe("0,1");
    expect(paper.pods.filter((pod) => pod.status.phase === "Running")).toEqual([]);
  });

  const policies = [
    { name: "enough of all", rule: { succeededCount: 2 }, done: [0, 3], met: true },
    { name: "too few of all", rule: { succeededCount: 3 }, done: [0, 3], met: false },
    { name: "all of those named", rule: { succeededIndexes: "0,2-3" }, done: [0, 2, 3], met: true },
    { name: "not all of those named", rule: { succeededIndexes: "0,2-3" }, done: [0, 1, 3], met: false },
    { name: "enough of those named", rule: { succeededIndexes: "0-2", succeededCount: 1 }, done: [1], met: true },
    { name: "others than those named", rule: { succeededIndexes: "0-2", succeededCount: 1 }, done: [3], met: false },
  ];
  test.each(policies)("successPolicy: $name", ({ rule, done, met }) => {
    const paper = new PaperJob(indexed(5, { successPolicy: { rules: [rule] } })).settle();
    paper.end(0, (pod) => done.includes(indexOf(pod))).settle();
    expect(paper.conditions).toEqual(met ? ["SuccessCriteriaMet=True SuccessPolicy", "Complete=True SuccessPolicy"] : []);
    if (!met) return;
    expect(paper.status).toMatchObject({ succeeded: done.length });
    expect(paper.status.failed).toBeUndefined();
    expect(paper.status.conditions[0].message).toBe("Matched rules at index 0");
  });
});
