/** A process that somebody else put into a container's groups: removal ends it or tells of it, and nothing is left in the end. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { groupsNamed } from "../support/cgroups.ts";

vi.setConfig({ testTimeout: 60_000 });

let box: Box;
beforeAll(async () => {
  box = await openBox("sleep");
});
afterAll(async () => await box[Symbol.asyncDispose]());

/** A process of this machine in those of the container's groups. */
function intrude(folders: readonly string[]): ChildProcess {
  const stranger = spawn("sleep", ["300"], { stdio: "ignore" });
  for (const folder of folders) writeFileSync(`${folder}/cgroup.procs`, String(stranger.pid));
  return stranger;
}

test("in all of them it ends with the container", async () => {
  const id = await box.strata("run", "-d", "--network", "none", BOX_IMAGE, "sleep", "300");
  const stranger = intrude(groupsNamed(id));
  const ended = once(stranger, "exit");
  await box.strata("rm", "-f", id);
  expect(await ended).toEqual([null, "SIGKILL"]);
  expect(groupsNamed(id)).toEqual([]);
});

test("in one that measures only it is not touched: it is named, and the container goes when it has gone", async ({ skip }) => {
  const id = await box.strata("run", "-d", "--network", "none", BOX_IMAGE, "sleep", "300");
  const folder = groupsNamed(id).find((one) => one.startsWith("/sys/fs/cgroup/memory/"));
  if (folder === undefined) {
    await box.strata("rm", "-f", id);
    return skip("this machine has one hierarchy of groups, whose members all end together");
  }
  const stranger = intrude([folder]);
  const ended = once(stranger, "exit");
  try {
    for (const flags of [["-f"], []])
      expect(await box.attempt("rm", ...flags, id)).toMatchObject({
        status: 1,
        stdout: "",
        stderr: expect.stringContaining(
          `strata: Cannot remove container ${id}: process ${stranger.pid} is in its group ${folder} and none of its own`,
        ) as string,
      });
    expect(await box.strata("ps", "-a", "--format", "{{.State}}", "--filter", `id=${id}`)).toBe("exited");
    expect(groupsNamed(id)).toEqual([folder]);
  } finally {
    stranger.kill("SIGKILL");
    await ended;
  }
  await box.strata("rm", id);
  expect(groupsNamed(id)).toEqual([]);
  expect(await box.strata("ps", "-aq")).toBe("");
});
