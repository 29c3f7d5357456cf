/** How health follows from checks, and the flags that ask for them. */
import { describe, expect, test } from "vitest";
import { healthcheckOf, parseDuration } from "../../cli/containers/health-flags.ts";
import { healthCheckOf, nextHealth, UNKNOWN_HEALTH } from "../../runtime/engine/health/plan.ts";
import { applyOptions } from "../../runtime/engine/configuration.ts";

const STARTED = "2030-01-01T00:00:00.000Z";
const at = (seconds: number, exitCode: number) => {
  const time = new Date(Date.parse(STARTED) + seconds * 1000).toISOString();
  return { start: time, end: time, exitCode, output: "" };
};
const SECOND = 1e9;
const check = healthCheckOf({ Test: ["CMD", "ok"], Retries: 2, StartPeriod: 10 * SECOND });

describe("health", () => {
  const rows = [
    { name: "starts by a success", results: [at(1, 0)], want: { status: "healthy", failingStreak: 0 } },
    { name: "is not lost by one failure", results: [at(1, 0), at(2, 1)], want: { status: "healthy", failingStreak: 1 } },
    { name: "is lost by as many as are counted", results: [at(1, 0), at(2, 1), at(3, 1)], want: { status: "unhealthy", failingStreak: 2 } },
    { name: "comes back by one success", results: [at(20, 1), at(21, 1), at(22, 0)], want: { status: "healthy", failingStreak: 0 } },
    { name: "is still coming in the start period, whatever fails", results: [at(1, 1), at(2, 1), at(9, 1)], want: { status: "starting", failingStreak: 0 } },
    { name: "is not forgiven in the start period once it was there", results: [at(1, 0), at(2, 1), at(3, 1)], want: { status: "unhealthy", failingStreak: 2 } },
    { name: "is judged when the start period is over", results: [at(9, 1), at(10, 1), at(11, 1)], want: { status: "unhealthy", failingStreak: 2 } },
    { name: "counts a check that took too long", results: [at(10, -1), at(11, -1)], want: { status: "unhealthy", failingStreak: 2 } },
  ];
  test.each(rows)("$name", ({ results, want }) => {
    if (check === undefined) throw new Error("no check");
    const state = results.reduce((before, result) => nextHealth(before, result, check, STARTED), UNKNOWN_HEALTH);
    expect(state).toMatchObject(want);
  });

  test("keeps the last five results", () => {
    if (check === undefined) throw new Error("no check");
    const state = [1, 2, 3, 4, 5, 6, 7].reduce((before, second) => nextHealth(before, at(second, 0), check, STARTED), UNKNOWN_HEALTH);
    expect(state.log.map(({ start }) => start)).toEqual([3, 4, 5, 6, 7].map((second) => at(second, 0).start));
  });
});

describe("a check", () => {
  test("has docker's times unless told", () => {
    expect(healthCheckOf({ Test: ["CMD-SHELL", "a b"] })).toEqual({
      command: ["/bin/sh", "-c", "a b"],
      intervalMs: 30_000,
      timeoutMs: 30_000,
      startPeriodMs: 0,
      startIntervalMs: 5_000,
      retries: 3,
    });
    expect(healthCheckOf({ Test: ["CMD-SHELL", "x"], Interval: SECOND / 2 }, ["/bin/ash", "-c"])).toMatchObject({
      command: ["/bin/ash", "-c", "x"],
      intervalMs: 500,
    });
  });

  test("never has times that no timer bears, whatever an image says", () => {
    expect(healthCheckOf({ Test: ["CMD", "x"], Interval: -5, Timeout: 1, StartInterval: Number.MAX_SAFE_INTEGER })).toMatchObject({
      intervalMs: 30_000,
      timeoutMs: 1,
      startIntervalMs: 2 ** 31 - 1,
    });
  });
  test.each([undefined, {}, { Test: [] }, { Test: ["NONE"] }, { Interval: SECOND }])("%j is none", (config) => expect(healthCheckOf(config)).toBeUndefined());
  test("of the image is changed field by field", () => {
    const image = { Healthcheck: { Test: ["CMD", "a"], Interval: SECOND } };
    const flags = { network: { kind: "none" } as const, healthcheck: { Interval: 2 * SECOND } };
    expect(applyOptions(image, flags).Healthcheck).toEqual({ Test: ["CMD", "a"], Interval: 2 * SECOND });
  });
});

describe("flags", () => {
  test.each([
    ["1m30s", 90 * SECOND],
    ["500ms", SECOND / 2],
    ["1.5h", 5400 * SECOND],
    ["0", 0],
  ])("%s is %d ns", (text, want) => expect(parseDuration(text)).toBe(want));
  test.each(["", "5", "1x", "s"])("%j is no duration", (text) => expect(() => parseDuration(text)).toThrow(/invalid duration/));
  test("none leaves the image's, and --no-healthcheck takes it away", () => {
    expect(healthcheckOf({ healthcheck: true })).toEqual({});
    expect(healthcheckOf({ healthcheck: false })).toEqual({ healthcheck: { Test: ["NONE"] } });
    expect(healthcheckOf({ healthcheck: true, healthCmd: "x", healthRetries: 1 })).toEqual({ healthcheck: { Test: ["CMD-SHELL", "x"], Retries: 1 } });
    expect(() => healthcheckOf({ healthcheck: false, healthCmd: "x" })).toThrow(/conflicts/);
  });
});
