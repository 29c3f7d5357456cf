/** Health checks run beside a container without any daemon: ps and inspect tell what they found. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";

vi.setConfig({ testTimeout: 180_000 }); // every step is a command of its own, and machines are busy

let box: Box;
beforeAll(async () => {
  box = await openBox("sh sleep touch rm echo cat test true");
});
afterAll(async () => await box[Symbol.asyncDispose]());

const fast = ["--health-interval", "200ms", "--health-retries", "2"];

async function becomes(id: string, health: string): Promise<void> {
  await eventually(async () => expect(await box.strata("inspect", "--format", "{{.State.Health.Status}}", id)).toBe(health));
}

test("starting, healthy, unhealthy and healthy again, in ps and inspect and after a restart, until the container ends", async () => {
  const id = await box.strata("run", "-d", "--network", "none", "--health-cmd", "echo looked; test -e /well", ...fast, BOX_IMAGE, "sleep", "600");
  expect(await box.strata("ps", "--all", "--filter", `id=${id}`, "--format", "{{.Status}}")).toMatch(/\((?:health: starting|unhealthy)\)$/);
  await becomes(id, "unhealthy");
  await box.strata("exec", id, "touch", "/well");
  await becomes(id, "healthy");
  expect(await box.strata("ps", "--all", "--filter", `id=${id}`, "--format", "{{.Status}}")).toMatch(/^Up .* \(healthy\)$/);
  expect(await box.strata("ps", "--quiet", "--no-trunc", "--filter", "health=healthy")).toBe(id);
  const health = JSON.parse(await box.strata("inspect", "--format", "{{json .State.Health}}", id)) as { readonly Log: readonly object[] };
  expect(health).toMatchObject({ Status: "healthy", FailingStreak: 0 });
  expect(health.Log.length).toBeLessThanOrEqual(5);
  expect(health.Log.at(-1)).toMatchObject({ ExitCode: 0, Output: "looked\n", Start: expect.any(String) as string, End: expect.any(String) as string });
  await box.strata("exec", id, "rm", "/well");
  await becomes(id, "unhealthy");

  await box.strata("stop", "--time", "0", id);
  expect(await box.strata("ps", "--all", "--filter", `id=${id}`, "--format", "{{.Status}}")).toMatch(/^Exited \(137\)/);

  await box.strata("start", id);
  expect(await box.strata("inspect", "--format", "{{.State.Health.Status}}", id)).toMatch(/^(?:starting|unhealthy)$/);
  await becomes(id, "unhealthy");
  await box.strata("rm", "-f", id); // the box sees to it that no check goes on
});

test("the interval of the start period does not hold where there is no such period", async () => {
  const id = await box.strata("run", "-d", "--network", "none", "--health-cmd", "true", ...fast, "--health-start-interval", "10m", BOX_IMAGE, "sleep", "600");
  await becomes(id, "healthy");
  await box.strata("rm", "-f", id);
});

test("a check that takes too long fails, and is killed", async () => {
  const slow = ["--health-cmd", "echo slow; sleep 77", "--health-timeout", "300ms", "--health-retries", "1", "--health-interval", "200ms"];
  const id = await box.strata("run", "-d", "--network", "none", ...slow, BOX_IMAGE, "sleep", "600");
  await becomes(id, "unhealthy");
  await eventually(async () => {
    const log = JSON.parse(await box.strata("inspect", "--format", "{{json .State.Health.Log}}", id)) as readonly object[];
    expect(log).toContainEqual(expect.objectContaining({ ExitCode: -1, Output: "Health check exceeded timeout (0.3s): slow\n" }));
  }); // on a busy machine a check may be cut off before it has said anything
  await box.strata("rm", "-f", id);
});

test("an image's HEALTHCHECK is run, changed by flags and left out when asked", async () => {
  const folder = mkdtempSync(join(tmpdir(), "strata-test-"));
  writeFileSync(
    join(folder, "Dockerfile"),
    `FROM ${BOX_IMAGE}\nHEALTHCHECK --interval=1s --retries=1 CMD test -e /well\nCMD ["sh", "-c", "touch /well; sleep 600"]\n`,
  );
  await box.strata("build", "--quiet", "--tag", "local/checked", folder);
  rmSync(folder, { recursive: true });
  const id = await box.strata("run", "-d", "--network", "none", "--health-interval", "200ms", "local/checked");
  await becomes(id, "healthy");
  expect(JSON.parse(await box.strata("inspect", "--format", "{{json .Config.Healthcheck}}", id))).toEqual({
    Test: ["CMD-SHELL", "test -e /well"],
    Interval: 200_000_000,
    Retries: 1,
  });
  const without = await box.strata("run", "-d", "--network", "none", "--no-healthcheck", "local/checked");
  expect(await box.strata("inspect", "--format", "{{json .State}}", without)).not.toContain("Health");
  await box.strata("rm", "-f", id, without);
});

test("a paused container is not checked", async () => {
  const id = await box.strata("run", "-d", "--network", "none", "--health-cmd", "true", ...fast, BOX_IMAGE, "sleep", "600");
  await becomes(id, "healthy");
  await box.strata("pause", id);
  expect(await box.strata("ps", "--all", "--filter", `id=${id}`, "--format", "{{.Status}}")).toMatch(/\(Paused\)$/);
  expect(await box.attempt("container-health", id)).toMatchObject({ status: 0 });
  expect(await box.strata("inspect", "--format", "{{.State.Health.Status}} {{.State.Health.FailingStreak}}", id)).toBe("healthy 0");
  await box.strata("unpause", id);
  await box.strata("rm", "-f", id);
});
