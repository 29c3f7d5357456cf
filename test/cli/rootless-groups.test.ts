/** Limits of an ordinary user's containers: held where root has given the user control groups, else dropped with a warning. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planDelegated, type Look } from "../../runtime/process/cgroup/delegation.ts";
import type { CgroupLayout } from "../../runtime/process/cgroup/layout.ts";
import type { Resources } from "../../runtime/spec.ts";
import { groupsNamed } from "../support/cgroups.ts";
import { addUser, type TestUser } from "../support/user.ts";

const BOX = "local/box";
const MIB = 1 << 20;

describe("what is given", () => {
  const first: CgroupLayout = {
    version: 1,
    hierarchies: ["memory", "pids", "cpu"].map((name) => ({ controllers: [name], base: `/cg/${name}/mine`, mount: `/cg/${name}` })),
  };
  const second: CgroupLayout = { version: 2, hierarchies: [{ controllers: [], base: "/cg", mount: "/cg", own: "/cg/user/shell" }] };
  const limits: Resources = { memory: { limit: 64 * MIB }, pids: { limit: 9 }, devices: [{ allow: false }] };
  const own = ["/cg/user", "/cg/user/cgroup.procs", "/cg/user/cgroup.subtree_control", "/cg/user/shell", "/cg/user/shell/cgroup.procs"];
  const cases: readonly {
    readonly name: string;
    readonly layout: CgroupLayout;
    readonly writable: readonly string[];
    readonly files?: Readonly<Record<string, string>>;
    readonly folders: readonly string[];
    readonly lost: readonly string[];
  }[] = [
    { name: "nothing", layout: first, writable: [], folders: [], lost: ["memory", "pids"] },
    { name: "v1: one hierarchy", layout: first, writable: ["/cg/memory/mine"], folders: ["/cg/memory/mine"], lost: ["pids"] },
    { name: "v1: all that is needed", layout: first, writable: ["/cg/memory/mine", "/cg/pids/mine"], folders: ["/cg/memory/mine", "/cg/pids/mine"], lost: [] },
    {
      name: "v2: a folder above our own, with what it passes on",
      layout: second,
      writable: own,
      files: { "/cg/user/cgroup.controllers": "memory pids", "/cg/user/cgroup.procs": "" },
      folders: ["/cg/user"],
      lost: [],
    },
    {
      name: "v2: a folder beside whose processes no controller may be passed on",
      layout: second,
      writable: own,
      files: { "/cg/user/cgroup.controllers": "memory pids", "/cg/user/cgroup.procs": "17", "/cg/user/cgroup.subtree_control": "pids" },
      folders: ["/cg/user"],
      lost: ["memory"],
    },
    { name: "v2: a folder without its list of processes", layout: second, writable: ["/cg/user", "/cg/user/shell"], folders: [], lost: ["memory", "pids"] },
  ];
  test.each(cases)("$name", ({ layout, writable, files = {}, folders, lost }) => {
    const look: Look = {
      exists: (path) => !path.includes("strata"),
      isWritable: (path) => writable.includes(path),
      words: (path) => (files[path] ?? "").split(" ").filter((word) => word !== ""),
    };
    const found = planDelegated(layout, "strata", "box", limits, look);
    expect(found.groups?.members.map(({ base }) => base) ?? []).toEqual(folders);
    expect(found.lost).toEqual(lost);
    expect(Object.keys(found.resources)).toEqual(["memory", "pids"].filter((name) => !lost.includes(name)));
  });
});

let user: TestUser;
beforeAll(async () => {
  user = addUser();
  await user.strata("base", "create", BOX, "--bin", "sh,cat,sleep,true,tail");
}, 300_000);
afterAll(async () => {
  try {
    await user.removeContainers();
  } finally {
    user[Symbol.dispose]();
  }
}, 180_000);

const run = (...words: readonly string[]): readonly string[] => ["run", "--rm", "--network", "none", ...words];

test("without groups of their own a limit is dropped, and that is said", { timeout: 180_000 }, async () => {
  const { status, stderr } = await user.attempt("strata", run("--memory", "64m", "--pids-limit", "20", BOX, "true"));
  expect(stderr).toMatch(/^strata: warning: Cannot limit the container's memory: .*Limitation discarded\.$/m);
  expect(stderr).toMatch(/^strata: warning: Cannot limit the container's number of processes: .*Limitation discarded\.$/m);
  expect(status).toBe(0);
});

test("in groups that root gave them limits hold, change and count, and nothing is left", { timeout: 300_000 }, async () => {
  user.delegate("memory", "pids", "freezer", "cpu", "cpuacct");
  const inside = await user.attempt("strata", run("--memory", "64m", "--pids-limit", "20", BOX, "sh", "-c", "cat /proc/self/cgroup"));
  expect(inside).toMatchObject({ status: 0, stderr: "" });
  expect((await user.attempt("strata", run("--cpuset-cpus", "0", BOX, "true"))).stderr).toMatch(/processor time.*discarded/);
  const eater = await user.attempt("strata", ["run", "--name", "eater", "--network", "none", "--memory", "16m", BOX, "sh", "-c", "tail /dev/zero"]);
  expect(eater.status).toBe(137);
  expect(await user.strata("inspect", "-f", "{{.State.OOMKilled}}", "eater")).toBe("true");
  const id = await user.strata("run", "-d", "--name", "held", "--network", "none", "--memory", "64m", "--pids-limit", "20", BOX, "sleep", "600");
  const file = (name: string): string =>
    readFileSync(`${groupsNamed(id).find((path) => path.includes(`/${name.split(".")[0]}/`)) ?? ""}/${name}`, "utf8").trim();
  expect([file("memory.limit_in_bytes"), file("pids.max"), file("pids.current")]).toEqual([String(64 * MIB), "20", "1"]);
  await user.strata("update", "--memory", "32m", "--memory-swap", "64m", "held");
  expect(file("memory.limit_in_bytes")).toBe(String(32 * MIB));
  await user.strata("pause", "held");
  expect(await user.strata("ps", "--format", "{{.Status}}")).toMatch(/Paused/);
  await user.strata("unpause", "held");
  expect(await user.strata("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", "held")).toMatch(/\/ 32MiB 1$/);
  await user.strata("exec", "held", "true");
  await user.strata("rm", "-f", "held", "eater");
  await expect.poll(() => groupsNamed(id)).toEqual([]);
});
