/** A restart policy in real containers: each restart waits longer than the one before, and the last is the last. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BOX_IMAGE, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";

/** Of the first, and twice as much before each one that follows: docker's. */
const FIRST_DELAY_MS = 100;
/** Of two clocks that are read a moment apart. */
const CLOCK_MS = 5;

test("a container that fails at once is started again after 100, 200 and 400 ms, and then left", async () => {
  await using box = await openBox("sh date");
  const folder = join(box.root.root, "told");
  mkdirSync(folder);
  const script = "date +%s%3N >> /told/starts; exit 3";
  const id = await box.strata("run", "-d", "--network", "none", "--restart", "on-failure:3", "-v", `${folder}:/told`, BOX_IMAGE, "sh", "-c", script);
  await eventually(async () => {
    expect(await box.strata("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}", id)).toBe("exited 3 3");
  });
  const starts = readFileSync(join(folder, "starts"), "utf8").trim().split("\n").map(Number);
  expect(starts.length).toBe(4);
  const gaps = starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
  gaps.forEach((gap, index) => expect(gap, `gaps ${gaps.join(", ")}`).toBeGreaterThanOrEqual(FIRST_DELAY_MS * 2 ** index - CLOCK_MS));
});
