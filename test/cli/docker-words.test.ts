/** Small words of docker's that scripts rely on: rows and filters of ps, signals. */
import { describe, expect, test } from "vitest";
import { goTime } from "../../cli/containers/ages.ts";
import { containerFilter } from "../../cli/containers/container-filter.ts";
import { applyOptions } from "../../runtime/engine/configuration.ts";

test("a moment is told as docker's templates tell it", () => {
  expect(goTime("2026-11-26T22:29:12.001Z")).toBe("2026-11-26 22:29:12 +0000 UTC");
  expect(goTime("")).toBe("");
});

describe("a status to filter by", () => {
  test.each(["created", "running", "paused", "restarting", "removing", "exited", "dead"])("%s", (status) =>
    expect(() => containerFilter([`status=${status}`])).not.toThrow(),
  );
  test("one that is none is refused, also when there are no containers", () => {
    expect(() => containerFilter(["status=runing"])).toThrow(/there is no status "runing": created, running/);
  });
});

describe("a stop signal", () => {
  test.each(["INT", "SIGQUIT", "9", "RTMIN+3"])("%s", (stopSignal) =>
    expect(applyOptions({}, { network: { kind: "none" }, stopSignal }).StopSignal).toBe(stopSignal),
  );
  test("one that is none is refused at once, not when it is sent", () => {
    expect(() => applyOptions({}, { network: { kind: "none" }, stopSignal: "FOO" })).toThrow('Cannot read "FOO" as a signal');
  });
});
