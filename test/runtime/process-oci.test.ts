/** strata-runtime as its real callers use it: bundles by hand, and podman. */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { removeGroupsBelow } from "../support/cgroups.ts";
import { podmanContainer, podmanStore } from "../support/podman.ts";
import { openedForAll } from "../support/opened.ts";
import { projectRoot } from "../support/root.ts";
import { openLab, type Overrides } from "./lab.ts";

const runtime = join(projectRoot, "bin/strata-runtime.js");
const lab = openedForAll(openLab);

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function command(file: string, args: readonly string[], input = ""): Promise<Outcome> {
  return await new Promise((resolve) => {
    const child = execFile(file, args, { timeout: 300_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : typeof error.code === "number" ? error.code : 255, stdout, stderr });
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}

describe("a bundle", () => {
  const run = async (...args: readonly string[]): Promise<Outcome> => await command(runtime, ["--root", lab.runRoot, ...args]);
  /** Its streams are the container's from then on, so they are not ours to wait for. */
  const create = async (...args: readonly string[]): Promise<number | null> =>
    await new Promise((resolve) => spawn(runtime, ["--root", lab.runRoot, "create", ...args], { stdio: "ignore" }).once("exit", resolve));
  const bundle = (script: string, overrides: Overrides = {}): readonly [id: string, folder: string] => {
    const id = lab.id();
    const folder = join(lab.folder, `bundle-${id}`);
    mkdirSync(folder);
    writeFileSync(
      join(folder, "config.json"),
      JSON.stringify({ ...lab.spec(["sh", "-c", script], overrides), root: { path: "../rootfs" }, annotations: { a: "b", constructor: "c" } }),
    );
    return [id, folder];
  };

  test("is run, its exit code and streams are the program's", async () => {
    const [id, folder] = bundle("cat; echo err >&2; exit 3");
    expect(await command(runtime, ["--root", lab.runRoot, "run", "-b", folder, id], "in\n")).toEqual({ status: 3, stdout: "in\n", stderr: "err\n" });
    expect((await run("state", id)).status).toBe(1);
  });

  test("goes through create, start, kill and delete", async () => {
    const [id, folder] = bundle("trap 'exit 0' TERM; while :; do sleep 0.02; done");
    const pidFile = join(folder, "pid");
    expect(await create("--bundle", folder, "--pid-file", pidFile, id)).toBe(0);
    const state = async (): Promise<unknown> => JSON.parse((await run("state", id)).stdout);
    const pid = Number(readFileSync(pidFile, "utf8"));
    expect(await state()).toEqual({
      ociVersion: "1.2.0",
      id,
      status: "created",
      pid,
      bundle: folder,
      rootfs: lab.rootfs,
      created: expect.stringMatching(/^20\d\d-.*Z$/),
      annotations: { a: "b", constructor: "c" },
      owner: "root",
    });
    expect((await run("delete", id)).status).toBe(1);
    expect(await run("start", id)).toMatchObject({ status: 0, stderr: "" });
    expect(await state()).toMatchObject({ status: "running", pid });
    expect(JSON.parse((await run("ps", "-f", "json", id)).stdout)).toContain(pid);
    expect(await run("exec", id, "sh", "-c", "echo inside; exit 9")).toMatchObject({ status: 9, stdout: "inside\n" });
    await run("kill", id, "TERM");
    await expect.poll(state).toMatchObject({ status: "stopped", pid: 0 });
    expect((await run("delete", id)).status).toBe(0);
    expect((await run("state", id)).stderr).toContain("does not exist");
  });

  test("is refused with the reason on stderr and in the log", async () => {
    const [id, folder] = bundle("true", { process: { args: ["nowhere"] } });
    const log = join(folder, "log");
    const { status, stderr } = await run("--log", log, "--log-format", "json", "create", "-b", folder, id);
    expect([status, stderr]).toEqual([1, expect.stringContaining('Cannot run "nowhere": executable file not found')]);
    expect(JSON.parse(readFileSync(log, "utf8"))).toMatchObject({ level: "error", msg: expect.stringContaining("nowhere") });
  });

  test("a program that fails after start is told to start", async () => {
    const [id, folder] = bundle("true", { process: { args: ["/bad"] } });
    writeFileSync(join(lab.rootfs, "bad"), "\u007fELF nonsense", { mode: 0o755 });
    expect(await create("-b", folder, id)).toBe(0);
    expect(await run("start", id)).toMatchObject({ status: 1, stderr: expect.stringContaining("not in a format that can be executed") });
    expect((await run("delete", "--force", id)).status).toBe(0);
  });

  test("features names what there is", async () => {
    expect(JSON.parse((await run("features")).stdout)).toMatchObject({ linux: { seccomp: { enabled: true } } });
  });
});

describe("podman", () => {
  const podman = async (...args: readonly string[]): Promise<Outcome> => await command("podman", ["--runtime", runtime, ...podmanStore(lab.folder), ...args]);
  const container = (name: string, ...flags: readonly string[]): readonly string[] => podmanContainer(lab.rootfs, name, ["--name", name, ...flags]);

  test("runs, limits, pauses, execs and removes", async () => {
    const name = lab.id();
    try {
      expect(await podman("run", "--rm", ...container(name), "sh", "-c", "echo out; exit 5")).toMatchObject({ status: 5, stdout: "out\n" });
      expect(await podman("run", "-d", ...container(name, "--memory", "64m"), "sleep", "600")).toMatchObject({ status: 0 });
      expect(await podman("exec", name, "sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes; exit 4")).toMatchObject({
        status: 4,
        stdout: "67108864\n",
      });
      expect(await podman("exec", name, "nowhere")).toMatchObject({ status: 127 });
      expect(await podman("pause", name)).toMatchObject({ status: 0 });
      expect(await podman("ps", "-a", "--format", "{{.Status}}")).toMatchObject({ stdout: "Paused\n" });
      expect(await podman("unpause", name)).toMatchObject({ status: 0 });
    } finally {
      await podman("rm", "-f", "-t", "0", name);
      await podman("system", "reset", "-f");
      await removeGroupsBelow(name);
    }
  }, 300_000);
});
