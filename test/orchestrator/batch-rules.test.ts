/** What the API server says of Jobs and CronJobs that cannot be, and of changes that may not be. */
import { describe, expect, test } from "vitest";
import { apiOfFile } from "./api-server.ts";

const server = apiOfFile();

const JOBS = "/apis/batch/v1/namespaces/default/jobs";
const CRON_JOBS = "/apis/batch/v1/namespaces/default/cronjobs";

const template = (spec: object = {}): object => ({ spec: { restartPolicy: "Never", containers: [{ name: "main", image: "work:v1" }], ...spec } });
const job = (spec: object = {}, name = "work"): object => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name },
  spec: { template: template(), ...spec },
});
const cronJob = (spec: object = {}, name = "cron"): object => ({
  apiVersion: "batch/v1",
  kind: "CronJob",
  metadata: { name },
  spec: { schedule: "@hourly", jobTemplate: { spec: { template: template() } }, ...spec },
});

const indexed = { completionMode: "Indexed", completions: 5 };
const policy = (rule: object): object => job({ podFailurePolicy: { rules: [rule] } });
const success = (rule: object): object => job({ ...indexed, successPolicy: { rules: [rule] } });

describe("a Job is refused", () => {
  const rows: readonly { readonly name: string; readonly value: object; readonly want: string }[] = [
    {
      name: "without a restartPolicy",
      value: job({ template: template({ restartPolicy: undefined }) }),
      want: 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    },
    {
      name: "that restarts Always",
      value: job({ template: template({ restartPolicy: "Always" }) }),
      want: 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    },
    {
      name: "of another completionMode",
      value: job({ completionMode: "Sorted" }),
      want: 'spec.completionMode: Unsupported value: "Sorted": supported values: "NonIndexed", "Indexed"',
    },
    { name: "with a negative number", value: job({ completions: -1 }), want: "spec.completions: Invalid value: -1: must be greater than or equal to 0" },
    {
      name: "Indexed without completions",
      value: job({ completionMode: "Indexed", parallelism: 2 }),
      want: "spec.completions: Required value: when completion mode is Indexed",
    },
    {
      name: "Indexed with too much parallelism",
      value: job({ ...indexed, parallelism: 100_001 }),
      want: "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed",
    },
    {
      name: "with limits by index and none",
      value: job({ backoffLimitPerIndex: 1 }),
      want: "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
    },
    {
      name: "with maxFailedIndexes alone",
      value: job({ ...indexed, maxFailedIndexes: 1 }),
      want: "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
    },
    {
      name: "that may fail more than it has",
      value: job({ ...indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 6 }),
      want: "spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions",
    },
    {
      name: "with very many indexes and no limit of those that fail",
      value: job({ ...indexed, completions: 100_001, backoffLimitPerIndex: 1 }),
      want: "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
    },
    {
      name: "whose last pod would have too long a name",
      value: job(indexed, "x".repeat(62)),
      want: `metadata.name: Invalid value: "${"x".repeat(62)}": will not able to create pod with invalid DNS label: ${"x".repeat(62)}-4`,
    },
    {
      name: "with a selector that it did not choose by hand",
      value: job({ selector: { matchLabels: { app: "work" } }, template: { ...template(), metadata: { labels: { app: "work" } } } }),
      want: "`selector` not auto-generated",
    },
    {
      name: "with the labels of another",
      value: job({ template: { ...template(), metadata: { labels: { "job-name": "other" } } } }),
      want: "spec.template.metadata.labels[job-name]: Invalid value",
    },
    { name: "with manualSelector and no selector", value: job({ manualSelector: true }), want: "spec.selector: Required value" },
    {
      name: "with a failure policy and restarts",
      value: job({ podFailurePolicy: { rules: [] }, template: template({ restartPolicy: "OnFailure" }) }),
      want: 'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
    },
    {
      name: "with a failure policy that replaces too early",
      value: job({ podFailurePolicy: { rules: [] }, podReplacementPolicy: "TerminatingOrFailed" }),
      want: 'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
    },
    {
      name: "with a rule without action",
      value: policy({ onPodConditions: [{ type: "A", status: "True" }] }),
      want: 'rules[0].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]',
    },
    {
      name: "with a rule for nothing",
      value: policy({ action: "Ignore" }),
      want: "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
    },
    {
      name: "with FailIndex and no indexes",
      value: policy({ action: "FailIndex", onExitCodes: { operator: "In", values: [1] } }),
      want: 'rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
    },
    {
      name: "that takes success for failure",
      value: policy({ action: "Count", onExitCodes: { operator: "In", values: [0] } }),
      want: "onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
    },
    {
      name: "with exit codes out of order",
      value: policy({ action: "Count", onExitCodes: { operator: "In", values: [3, 1] } }),
      want: "onExitCodes.values: Invalid value: [3,1]: must be ordered",
    },
    {
      name: "with a container that there is not",
      value: policy({ action: "Count", onExitCodes: { containerName: "side", operator: "In", values: [1] } }),
      want: 'onExitCodes.containerName: Invalid value: "side": must be one of the container or initContainer names in the pod template',
    },
    {
      name: "with a successPolicy and no indexes",
      value: job({ successPolicy: { rules: [{ succeededCount: 1 }] } }),
      want: "spec.successPolicy: Invalid value: {",
    },
    {
      name: "with an empty successPolicy",
      value: job({ ...indexed, successPolicy: { rules: [] } }),
      want: "rules: Required value: at least one rules must be specified when the successPolicy is specified",
    },
    {
      name: "with too large an index",
      value: success({ succeededIndexes: "0,5" }),
      want: 'succeededIndexes: Invalid value: "0,5": error parsing succeededIndexes: too large index: "5"',
    },
    {
      name: "with indexes out of order",
      value: success({ succeededIndexes: "3,1" }),
      want: "error parsing succeededIndexes: non-increasing order, previous: 3, current: 1",
    },
    {
      name: "with words for indexes",
      value: success({ succeededIndexes: "all" }),
      want: 'error parsing succeededIndexes: cannot convert string to integer for index: "all"',
    },
    {
      name: "that asks for more than it names",
      value: success({ succeededIndexes: "0-1", succeededCount: 3 }),
      want: "succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)",
    },
  ];
  test.each(rows)("$name", async ({ value, want }) => {
    const { status, body } = await server.call("POST", JOBS, { body: value });
    expect(body.message).toContain(want);
    expect(status).toBe(422);
  });
});

describe("a CronJob is refused", () => {
  const rows: readonly { readonly name: string; readonly value: object; readonly want: string }[] = [
    { name: "without a schedule", value: cronJob({ schedule: undefined }), want: 'CronJob.batch "cron" is invalid: spec.schedule: Required value' },
    {
      name: "whose schedule has too few fields",
      value: cronJob({ schedule: "* * *" }),
      want: 'CronJob.batch "cron" is invalid: spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]',
    },
    {
      name: "with a zone in its schedule",
      value: cronJob({ schedule: "TZ=Europe/Berlin 0 3 * * *" }),
      want: 'CronJob.batch "cron" is invalid: spec.schedule: Invalid value: "TZ=Europe/Berlin 0 3 * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    },
    {
      name: "with a zone that there is not",
      value: cronJob({ timeZone: "Europe/Berlinn" }),
      want: 'CronJob.batch "cron" is invalid: spec.timeZone: Invalid value: "Europe/Berlinn": unknown time zone Europe/Berlinn',
    },
    {
      name: "with another concurrencyPolicy",
      value: cronJob({ concurrencyPolicy: "Queue" }),
      want: 'CronJob.batch "cron" is invalid: spec.concurrencyPolicy: Unsupported value: "Queue": supported values: "Allow", "Forbid", "Replace"',
    },
    {
      name: "with a negative deadline",
      value: cronJob({ startingDeadlineSeconds: -1 }),
      want: "spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0",
    },
    { name: "with too long a name", value: cronJob({}, "x".repeat(53)), want: "must be no more than 52 characters" },
    {
      name: "with a template that may not be a Job",
      value: cronJob({ jobTemplate: { spec: { template: template({ restartPolicy: "Always" }) } } }),
      want: 'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    },
    {
      name: "with a selector in its template",
      value: cronJob({ jobTemplate: { spec: { template: template(), selector: { matchLabels: { a: "b" } } } } }),
      want: "spec.jobTemplate.spec.selector: Invalid value: ",
    },
  ];
  test.each(rows)("$name", async ({ value, want }) => {
    const { status, body } = await server.call("POST", CRON_JOBS, { body: value });
    expect(body.message).toContain(want);
    expect(status).toBe(422);
  });
});

test("defaults are those of the API", async () => {
  const { body } = await server.call("POST", JOBS, { body: job({}, "defaults") });
  expect(body.spec).toMatchObject({
    parallelism: 1,
    completions: 1,
    backoffLimit: 6,
    completionMode: "NonIndexed",
    suspend: false,
    podReplacementPolicy: "TerminatingOrFailed",
  });
  const { uid } = body.metadata;
  expect(body.spec.selector).toEqual({ matchLabels: { "batch.kubernetes.io/controller-uid": uid } });
  expect(body.spec.template.metadata.labels).toEqual({
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": "defaults",
    "controller-uid": uid,
    "job-name": "defaults",
  });
  const { body: cron } = await server.call("POST", CRON_JOBS, { body: cronJob({}, "defaults") });
  expect(cron.spec).toMatchObject({ concurrencyPolicy: "Allow", suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 });
});

describe("of a Job that is there", () => {
  const affinity = {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }] } },
  };
  const rows: readonly { readonly name: string; readonly spec: object; readonly patch: object; readonly want: string | undefined }[] = [
    { name: "parallelism may change", spec: {}, patch: { parallelism: 3 }, want: undefined },
    { name: "suspend may change", spec: {}, patch: { suspend: true }, want: undefined },
    { name: "completions may not", spec: {}, patch: { completions: 3 }, want: "spec.completions: Invalid value: 3: field is immutable" },
    {
      name: "completions of an Indexed Job may, with parallelism",
      spec: { ...indexed, parallelism: 5 },
      patch: { completions: 7, parallelism: 7 },
      want: undefined,
    },
    {
      name: "completions of an Indexed Job may not alone",
      spec: { ...indexed, parallelism: 5 },
      patch: { completions: 7 },
      want: "spec.completions: Invalid value: 7: can only be modified in tandem with spec.parallelism",
    },
    {
      name: "completionMode may not",
      spec: { ...indexed, parallelism: 5 },
      patch: { completionMode: "NonIndexed" },
      want: 'spec.completionMode: Invalid value: "NonIndexed": field is immutable',
    },
    { name: "the selector may not", spec: {}, patch: { selector: { matchLabels: { a: "b" } } }, want: "field is immutable" },
    {
      name: "backoffLimitPerIndex may not",
      spec: indexed,
      patch: { backoffLimitPerIndex: 1 },
      want: "spec.backoffLimitPerIndex: Invalid value: 1: field is immutable",
    },
    { name: "the template may not", spec: {}, patch: { template: { spec: { nodeSelector: { disk: "ssd" } } } }, want: "field is immutable" },
    {
      name: "where it runs may, while it is suspended",
      spec: { suspend: true },
      patch: { template: { spec: { nodeSelector: { disk: "ssd" }, affinity } } },
      want: undefined,
    },
    {
      name: "what it runs may not, suspended or not",
      spec: { suspend: true },
      patch: { template: { spec: { restartPolicy: "OnFailure" } } },
      want: "field is immutable",
    },
  ];
  test.each(rows)("$name", async ({ name, spec, patch, want }) => {
    const object = name.replaceAll(/\W+/g, "-").toLowerCase();
    expect((await server.call("POST", JOBS, { body: job(spec, object) })).status).toBe(201);
    const { status, body } = await server.call("PATCH", `${JOBS}/${object}`, {
      body: { spec: patch },
      headers: { "content-type": "application/merge-patch+json" },
    });
    expect([status, body.message ?? ""]).toEqual(want === undefined ? [200, ""] : [422, expect.stringContaining(want)]);
  });
});

describe("a Job that is deleted by a user who says nothing of its pods", () => {
  test.each([
    { name: "leaves them", body: {}, want: ["orphan"] },
    { name: "unless told otherwise", body: { propagationPolicy: "Foreground" }, want: ["foregroundDeletion"] },
  ])("$name", async ({ name, body: options, want }) => {
    const object = name.replaceAll(" ", "-");
    await server.call("POST", JOBS, { body: job({}, object) });
    const { body } = await server.call("DELETE", `${JOBS}/${object}`, { body: { apiVersion: "v1", kind: "DeleteOptions", ...options } });
    expect(body.metadata.finalizers).toEqual(want);
    const { body: again } = await server.call("DELETE", `${JOBS}/${object}`, { body: { apiVersion: "v1", kind: "DeleteOptions" } });
    expect(again.metadata.finalizers).toEqual(want);
  });

  test("does not concern CronJobs", async () => {
    await server.call("POST", CRON_JOBS, { body: cronJob({}, "gone") });
    const { body } = await server.call("DELETE", `${CRON_JOBS}/gone`, { body: {} });
    expect(body.status).toBe("Success");
  });
});
