import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { formatTime } from "../../orchestrator/controllers/clock.ts";
import { draftJob, formatZoned } from "../../orchestrator/controllers/cron-job/draft-job.ts";
import { lastTime, nextTime } from "../../orchestrator/controllers/cron-job/next-time.ts";
import { planCronJob } from "../../orchestrator/controllers/cron-job/plan.ts";
import { controllerReference } from "../../orchestrator/controllers/owner.ts";
import { parseSchedule, scheduleProblem } from "../../orchestrator/schema/cron-schedule.ts";
import { timeZoneProblem, wallClock } from "../../orchestrator/schema/time-zone.ts";
import { at, meta } from "./objects.ts";
import { job } from "./paper-job.ts";

const instant = (text: string): number => Date.parse(text);

describe("a schedule is refused in the API server's words:", () => {
  test.each([
    ["", "empty spec string"],
    ["* * * *", "expected exactly 5 fields, found 4: [* * * *]"],
    ["0 * * * * *", "expected exactly 5 fields, found 6: [0 * * * * *]"],
    ["every minute", "expected exactly 5 fields, found 2: [every minute]"],
    ["60 * * * *", "end of range (60) above maximum (59): 60"],
    ["* 5-24 * * *", "end of range (24) above maximum (23): 5-24"],
    ["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
    ["* * * * 7", "end of range (7) above maximum (6): 7"],
    ["30-10 * * * *", "beginning of range (30) beyond end of range (10): 30-10"],
    ["*/0 * * * *", "step of range should be a positive number: */0"],
    ["1-2-3 * * * *", "too many hyphens: 1-2-3"],
    ["1/2/3 * * * *", "too many slashes: 1/2/3"],
    ["x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
    ["@fortnightly", "unrecognized descriptor: @fortnightly"],
    ["@every soon", 'failed to parse duration @every soon: time: invalid duration "soon"'],
  ])("%j", (text, want) => {
    expect(scheduleProblem(text)).toBe(want);
  });

  test.each(["* * * * *", "*/5 8-18/2 1,15 jan-MAR mon-fri", "0 0 ? * *", "5/15 * * * *", "@hourly", "@yearly", "@every 1h30m", "  0  0 * * * "])(
    "%j is one",
    (text) => {
      expect(scheduleProblem(text)).toBeUndefined();
    },
  );
});

describe("the next time", () => {
  const rows: readonly (readonly [schedule: string, zone: string, from: string, next: readonly string[]])[] = [
    ["* * * * *", "UTC", "2030-01-01T00:00:30Z", ["2030-01-01T00:01:00Z", "2030-01-01T00:02:00Z"]],
    ["*/20 * * * *", "UTC", "2030-01-01T00:40:00Z", ["2030-01-01T01:00:00Z", "2030-01-01T01:20:00Z"]],
    ["5/25 * * * *", "UTC", "2030-01-01T00:00:00Z", ["2030-01-01T00:05:00Z", "2030-01-01T00:30:00Z", "2030-01-01T00:55:00Z"]],
    ["@hourly", "UTC", "2030-01-01T00:00:00Z", ["2030-01-01T01:00:00Z"]],
    ["@monthly", "UTC", "2030-01-31T12:00:00Z", ["2030-02-01T00:00:00Z", "2030-03-01T00:00:00Z"]],
    ["@every 90m", "UTC", "2030-01-01T00:10:00Z", ["2030-01-01T01:40:00Z"]],
    ["0 12 29 2 *", "UTC", "2030-01-01T00:00:00Z", ["2032-02-29T12:00:00Z"]],
    ["0 0 13 * fri", "UTC", "2030-09-01T00:00:00Z", ["2030-09-06T00:00:00Z", "2030-09-13T00:00:00Z"]],
    ["0 0 */2 * fri", "UTC", "2030-09-01T00:00:00Z", ["2030-09-03T00:00:00Z", "2030-09-05T00:00:00Z", "2030-09-06T00:00:00Z"]],
    ["0 0 13 * ?", "UTC", "2030-09-01T00:00:00Z", ["2030-09-13T00:00:00Z", "2030-10-13T00:00:00Z"]],
    ["0 0 * * mon", "UTC", "2030-09-01T00:00:00Z", ["2030-09-02T00:00:00Z", "2030-09-09T00:00:00Z"]],
    ["30 9 * * *", "Asia/Kolkata", "2030-01-01T00:00:00Z", ["2030-01-01T04:00:00Z"]],
    ["0 0 * * *", "America/New_York", "2030-01-01T00:00:00Z", ["2030-01-01T05:00:00Z"]],
    // The last Sunday of March, 2:00 → 3:00: half past two does not come that day.
    ["30 2 * * *", "Europe/Berlin", "2030-03-30T12:00:00Z", ["2030-04-01T00:30:00Z"]],
    ["0 * * * *", "Europe/Berlin", "2030-03-31T00:00:00Z", ["2030-03-31T01:00:00Z", "2030-03-31T02:00:00Z"]],
    // The last Sunday of October, 3:00 → 2:00: it comes twice.
    ["30 2 * * *", "Europe/Berlin", "2030-10-26T12:00:00Z", ["2030-10-27T00:30:00Z", "2030-10-27T01:30:00Z", "2030-10-28T01:30:00Z"]],
    // Midnight itself is skipped, and there the day begins at one.
    ["0 1 * * *", "Africa/Cairo", "2030-04-25T12:00:00Z", ["2030-04-25T22:00:00Z", "2030-04-26T22:00:00Z"]],
    ["0 0 * * *", "Africa/Cairo", "2030-04-25T12:00:00Z", ["2030-04-26T21:00:00Z"]],
    ["15 2 * * *", "Australia/Lord_Howe", "2030-10-05T00:00:00Z", ["2030-10-06T15:15:00Z"]],
  ];
  test.each(rows)("of %j in %s after %s", (schedule, zone, from, want) => {
    const times: (string | undefined)[] = [];
    for (let time: number | undefined = instant(from); times.length < want.length && time !== undefined;) {
      time = nextTime(parseSchedule(schedule), wallClock(zone), time);
      times.push(time === undefined ? undefined : formatTime(time));
    }
    expect(times).toEqual(want);
  });

  test("never comes for the 31st of February", () => {
    expect(nextTime(parseSchedule("0 0 31 2 *"), wallClock("UTC"), instant("2030-01-01T00:00:00Z"))).toBeUndefined();
  });

  test.each([
    ["* * * * *", "2020-01-01T00:00:00Z", "2030-01-01T00:00:30Z", "2030-01-01T00:00:00Z"],
    ["0 9 * * mon-fri", "2020-01-01T00:00:00Z", "2030-09-01T00:00:00Z", "2030-08-30T09:00:00Z"],
    ["@every 7m", "2030-01-01T00:00:00Z", "2030-01-01T01:00:00Z", "2030-01-01T00:56:00Z"],
    ["0 0 1 1 *", "2030-01-01T00:00:00Z", "2030-06-01T00:00:00Z", undefined],
  ])("and the last of %j after %s until %s", (schedule, from, until, want) => {
    const last = lastTime(parseSchedule(schedule), wallClock("UTC"), instant(from), instant(until));
    expect(last && formatTime(last)).toBe(want);
  });
});

test.each([
  ["Europe/Berlin", undefined],
  ["UTC", undefined],
  ["US/Eastern", undefined],
  ["Etc/GMT+5", undefined],
  ["", "timeZone must be nil or non-empty string"],
  ["Local", "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"],
  ["Mars/Olympus", "unknown time zone Mars/Olympus"],
  ["europe/berlin", "unknown time zone europe/berlin"],
  ["../etc", "unknown time zone ../etc"],
  ["+01:00", "unknown time zone +01:00"],
])("time zone %j: %s", (name, want) => {
  expect(timeZoneProblem(name)).toBe(want);
});

describe("a CronJob", () => {
  const NAME = "report";
  const cronJob = (spec: object = {}, status?: object, created = 0): KubeObject => ({
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: meta(NAME, { creationTimestamp: at(created) }),
    spec: {
      schedule: "*/10 * * * *",
      timeZone: "UTC",
      concurrencyPolicy: "Allow",
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
      jobTemplate: { metadata: { labels: { app: "report" }, annotations: { note: "x" } }, spec: { completions: 1 } },
      ...spec,
    },
    ...(status !== undefined && { status }),
  });
  /** A Job for the time so many seconds in. */
  const child = (seconds: number, ended?: "Complete" | "Failed", more: object = {}): KubeObject => {
    const name = `${NAME}-${(Date.parse(at(seconds)) / 60_000).toFixed(0)}`;
    const conditions = ended === undefined ? [] : [{ type: ended, status: "True", lastTransitionTime: at(seconds + 5) }];
    const completion = ended === "Complete" ? { completionTime: at(seconds + 5) } : {};
    return job(
      name,
      {},
      { metadata: meta(name, { ownerReferences: [controllerReference(cronJob())] }), status: { startTime: at(seconds), conditions, ...completion }, ...more },
    );
  };
  const reference = (one: KubeObject): object => ({
    kind: "Job",
    namespace: "default",
    name: one.metadata.name,
    uid: one.metadata.uid,
    apiVersion: "batch/v1",
    resourceVersion: "1",
  });
  const look = (subject: KubeObject, jobs: readonly KubeObject[], seconds: number) => {
    const plan = planCronJob(subject, jobs, Date.parse(at(seconds)));
    return { ...plan, start: plan.start === undefined ? undefined : formatTime(plan.start), reasons: plan.news.map(({ reason }) => reason) };
  };

  const running = child(600);
  const busy = { active: [reference(running)], lastScheduleTime: at(600) };
  const rows: readonly {
    readonly name: string;
    readonly spec?: object;
    readonly status?: object;
    readonly jobs?: readonly KubeObject[];
    readonly now: number;
    readonly start?: string;
    readonly replace?: number;
    readonly reasons?: readonly string[];
    readonly wait?: number | undefined;
  }[] = [
    { name: "waits for its first time, and looks again just behind it", now: 60, wait: 540_100 },
    { name: "starts a job when the time has come", now: 601, start: at(600), wait: 599_100 },
    { name: "starts only the latest of several missed times", now: 3_000, start: at(3_000) },
    { name: "tells of a hundred missed times, and starts the latest", now: 70_000, start: at(69_600), reasons: ["TooManyMissedTimes"] },
    { name: "does not start twice for a time", status: { lastScheduleTime: at(600) }, now: 700, wait: 500_100 },
    { name: "does nothing while it is suspended", spec: { suspend: true }, now: 601, wait: undefined },
    { name: "skips a time past the deadline, and says so", spec: { startingDeadlineSeconds: 60 }, now: 700, reasons: ["MissSchedule"], wait: 500_100 },
    { name: "is not too late within the deadline", spec: { startingDeadlineSeconds: 60 }, now: 650, start: at(600) },
    { name: "does not count times before the deadline as missed", spec: { startingDeadlineSeconds: 300 }, now: 70_000, reasons: ["MissSchedule"] },
    { name: "Allow: starts beside a running job", status: busy, jobs: [running], now: 1201, start: at(1200) },
    {
      name: "Forbid: skips while one runs",
      spec: { concurrencyPolicy: "Forbid" },
      status: busy,
      jobs: [running],
      now: 1201,
      reasons: ["JobAlreadyActive"],
      wait: 599_100,
    },
    {
      name: "Forbid: starts late, as soon as the last has ended",
      spec: { concurrencyPolicy: "Forbid" },
      status: busy,
      jobs: [child(600, "Complete")],
      now: 1300,
      start: at(1200),
      reasons: ["SawCompletedJob"],
    },
    {
      name: "Replace: ends the running job first",
      spec: { concurrencyPolicy: "Replace" },
      status: busy,
      jobs: [running],
      now: 1201,
      start: at(1200),
      replace: 1,
    },
    { name: "says that a job it lists is gone", status: busy, now: 700, reasons: ["MissingJob"] },
    { name: "says that it meets a job it does not know", jobs: [child(0)], now: 60, reasons: ["UnexpectedJob"] },
    { name: "asks for a zone that there is", spec: { timeZone: "Mars/Olympus" }, now: 601, reasons: ["UnknownTimeZone"], wait: undefined },
    { name: "asks for a schedule that can be read", spec: { schedule: "soon" }, now: 601, reasons: ["UnparseableSchedule"], wait: undefined },
  ];
  test.each(rows)("$name", (row) => {
    const plan = look(cronJob(row.spec, row.status), row.jobs ?? [], row.now);
    expect(plan.start).toBe(row.start);
    expect(plan.replace).toHaveLength(row.replace ?? 0);
    expect(plan.reasons).toEqual(row.reasons ?? []);
    if ("wait" in row) expect(plan.requeueAfter).toBe(row.wait);
  });

  test("keeps the times and the running jobs in its status", () => {
    const done = child(600, "Complete");
    const plan = look(cronJob({}, { active: [reference(done)], lastScheduleTime: at(600) }), [done], 700);
    expect(plan.status).toEqual({ lastScheduleTime: at(600), lastSuccessfulTime: at(605) });
    expect(plan.news).toEqual([{ type: "Normal", reason: "SawCompletedJob", message: `Saw completed job: ${done.metadata.name}, condition: Complete` }]);
  });

  test("finds again the job that it made before it was killed", () => {
    const plan = look(cronJob(), [running], 650);
    expect(plan.start).toBeUndefined();
    expect(plan.reasons).toEqual([]);
    expect(plan.status).toEqual(busy);
  });

  test("keeps three that succeeded and one that failed, and forgets the oldest", () => {
    const jobs = [...[600, 1200, 1800, 2400, 3000].map((seconds) => child(seconds, "Complete")), ...[3600, 4200].map((seconds) => child(seconds, "Failed"))];
    const names = (seconds: number): string => child(seconds).metadata.name;
    const plan = look(cronJob({}, { lastScheduleTime: at(4200) }), jobs.toReversed(), 4300);
    expect(plan.forget.map(({ metadata }) => metadata.name)).toEqual([names(600), names(1200), names(3600)]);
    const none = look(cronJob({ successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 0 }, { lastScheduleTime: at(4200) }), jobs, 4300);
    expect(none.forget).toHaveLength(7);
  });

  test("drafts a job named after its time, with the template's labels and the time in its zone", () => {
    const draft = draftJob(cronJob({ timeZone: "Asia/Kolkata" }), Date.parse(at(600)));
    expect(draft).toMatchObject({
      metadata: {
        name: "report-31557610",
        labels: { app: "report" },
        annotations: { note: "x", "batch.kubernetes.io/cronjob-scheduled-timestamp": "2030-01-01T05:40:00+05:30" },
        ownerReferences: [{ kind: "CronJob", name: "report", controller: true, blockOwnerDeletion: true }],
      },
      spec: { completions: 1 },
    });
  });

  test.each([
    [undefined, "2030-01-01T00:00:00Z"],
    ["America/St_Johns", "2029-12-31T20:30:00-03:30"],
  ])("writes times of zone %s with their offset", (zone, want) => {
    expect(formatZoned(Date.parse(at(0)), zone)).toBe(want);
  });
});
