/** What docker says and how it ends where there is no such field, no running program, no such processor (held against it in docker-refusals.test.ts); and import. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { availableSet } from "../../runtime/engine/cpu-sets.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { strata } from "../support/root.ts";

vi.setConfig({ testTimeout: 180_000 });

let box: Box;
let id: string;
beforeAll(async () => {
  box = await openBox("sh true cat sleep");
  id = await box.strata("create", "--name", "still", "--label", "a=1", BOX_IMAGE, "true");
}, 180_000);
afterAll(async () => await box[Symbol.asyncDispose]());

test("inspect -f prints nothing where one of several lacks the field", async () => {
  const { status, stdout, stderr } = await box.attempt("inspect", "-f", "{{.Config.Labels.a}} {{.State.Status}}", "still", BOX_IMAGE);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toBe('strata: template parsing error: template: :1:29: executing "" at <.State.Status>: map has no entry for key "State"\n');
});

test("exec where nothing runs, or nothing is", async () => {
  expect(await box.attempt("exec", "still", "true")).toMatchObject({ status: 1, stdout: "", stderr: `strata: Container ${id} is not running\n` });
  expect(await box.attempt("exec", "nobody", "true")).toMatchObject({ status: 1, stderr: "strata: No such container: nobody\n" });
  await box.strata("run", "-d", "--name", "held", BOX_IMAGE, "sleep", "600");
  await box.strata("pause", "held");
  const held = await box.attempt("exec", "held", "true");
  await box.strata("unpause", "held");
  expect(held).toMatchObject({ status: 1, stderr: "strata: Container held is paused, unpause the container before exec\n" });
});

describe("a set of processors", () => {
  test.each(["0", "0-1", "1,0", "0-3,6"])("%s is there", (list) => expect(availableSet("cpus", list, "0-3,6-7")).toBe(list));
  test.each([
    { kind: "cpus", list: "0-7", says: "Requested CPUs are not available - requested 0-7, available: 0-3,6-7" },
    { kind: "mems", list: "9", says: "Requested memory nodes are not available - requested 9, available: 0-3,6-7" },
    { kind: "cpus", list: "1-", says: "Invalid value 1- for cpuset cpus" },
    { kind: "mems", list: "3-1", says: "Invalid value 3-1 for cpuset mems" },
  ] as const)("$kind $list is refused", ({ kind, list, says }) => expect(() => availableSet(kind, list, "0-3,6-7")).toThrow(says));

  test("run and update say so and change nothing", async () => {
    expect(await box.attempt("run", "--cpuset-cpus", "0-99", BOX_IMAGE, "true")).toMatchObject({
      status: 125,
      stderr: expect.stringContaining("requested 0-99"),
    });
    expect(await box.attempt("update", "--cpuset-cpus", "99", "still")).toMatchObject({ status: 1, stderr: expect.stringContaining("requested 99") });
    expect(await box.strata("inspect", "-f", "{{.HostConfig.CpusetCpus}}", "still")).toBe("");
  });
});

test("systempaths=unconfined shows what is hidden otherwise", async () => {
  const look = "while read a at rest; do case $at in /proc/?*) echo $at;; esac; done < /proc/mounts";
  expect(await box.shell(["--security-opt", "proc=host"], look)).toMatch(/^\/proc\/irq$/m);
  expect(await box.shell(["--security-opt", "proc=host", "--security-opt", "systempaths=unconfined"], look)).toBe("");
});

test("import makes an image of what export wrote, with changes", async () => {
  const { stdout: tar } = spawnSync(process.execPath, [strata, "export", "still"], { env: box.root.env, maxBuffer: 1 << 30 });
  const made = spawnSync(process.execPath, [strata, "import", "--change", 'CMD ["sh", "-c", "cat /etc/hostname > /dev/null && true"]', "-", "local/imported"], {
    env: box.root.env,
    input: tar,
    encoding: "utf8",
  });
  expect(made).toMatchObject({ status: 0, stdout: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/) });
  expect((await box.attempt("run", "--rm", "--network", "none", "local/imported")).status).toBe(0);
});
