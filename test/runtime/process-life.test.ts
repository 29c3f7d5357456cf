/** From create to remove: states, exit codes, signals, exec, and what is left when something dies. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { MonitorPids } from "../../runtime/process/client.ts";
import { lower } from "../../runtime/process/lower.ts";
import { encodeOperations } from "../../runtime/process/operation.ts";
import type { ProcessSpec } from "../../runtime/spec.ts";
import { groupsNamed } from "../support/cgroups.ts";
import { openedForAll } from "../support/opened.ts";
import { helper, projectRoot } from "../support/root.ts";
import { catches } from "../support/signals.ts";
import { namespaceOf, openLab } from "./lab.ts";

const lab = openedForAll(openLab);

const silent = { kind: "monitor", stdin: false } as const;

async function started(script = "sleep 600"): Promise<string> {
  const { state } = await lab.processes.run({ ...lab.request(["sh", "-c", script]), stdio: silent });
  return state.id;
}

function monitorOf(id: string): number {
  return (JSON.parse(readFileSync(join(lab.runRoot, "containers", id, "pid"), "utf8")) as { monitor: number }).monitor;
}

function program(args: readonly string[], more: Partial<ProcessSpec> = {}): ProcessSpec {
  const { process } = lab.spec(args);
  if (process === undefined) throw new Error("no process");
  return { ...process, ...more };
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await what()); tries++) {
    if (tries === 6000) throw new Error("It did not come about in time");
    await sleep(10);
  }
}

/** Lets a program in the container go on that waits for the file. */
async function give(id: string, file: string): Promise<void> {
  const { exit } = await lab.processes.exec(id, program(["touch", file]), { stdin: false });
  expect(await exit).toMatchObject({ exitCode: 0 });
}

describe("states", () => {
  test("created, running, stopped, unknown", async () => {
    const request = lab.request(["sh", "-c", "touch /started; until [ -e /go ]; do sleep 0.02; done; exit 7"]);
    const created = await lab.processes.create({ ...request, stdio: silent });
    expect(await lab.processes.state(created.id)).toMatchObject({ status: "created", pid: created.pid });
    expect(existsSync(join(request.layers?.upper ?? "", "started"))).toBe(false);
    await lab.processes.start(created.id);
    expect(await lab.processes.state(created.id)).toMatchObject({ status: "running", pid: created.pid, startTime: created.startTime });
    await give(created.id, "/go");
    expect(await lab.processes.wait(created.id)).toMatchObject({ exitCode: 7, oomKilled: false });
    expect(await lab.processes.state(created.id)).toMatchObject({ status: "stopped", pid: 0, exit: { exitCode: 7 } });
    await lab.processes.remove(created.id);
    expect(await lab.processes.state(created.id)).toBeUndefined();
    await lab.processes.remove(created.id);
  });

  test("a container that was never started can be removed", async () => {
    const { id, pid } = await lab.processes.create({ ...lab.request(["true"]), stdio: silent });
    await lab.processes.remove(id);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  test.each([
    ["start", async (id: string) => await lab.processes.start(id), "CONTAINER_STATE"],
    ["resume", async (id: string) => await lab.processes.resume(id), "CONTAINER_STATE"],
    ["create again", async (id: string) => await lab.processes.create({ ...lab.request(["true"]), id, stdio: silent }), "CONTAINER_EXISTS"],
  ] as const)("a running container refuses to %s", async (_, act, code) => {
    const id = await started();
    await expect(act(id)).rejects.toMatchObject({ code });
    await lab.processes.remove(id);
  });

  test.each(["", ".", "..", "a/b", "../x", "-a b", "x".repeat(200)])("%j is no id", async (id) => {
    await expect(lab.processes.create({ ...lab.request(["true"]), id, stdio: silent })).rejects.toMatchObject({ code: "NAME_INVALID" });
  });
});

describe("ends", () => {
  test.each([
    ["exit 0", { exitCode: 0 }],
    ["exit 255", { exitCode: 255 }],
    ["exec probe crash", { exitCode: 139, signal: 11 }],
    ["kill -9 $$; exit 6", { exitCode: 6 }], // the first process is deaf to what it sends itself
  ] as const)("%s is recorded", async (script, exit) => {
    const id = await started(script);
    expect(await lab.processes.wait(id)).toMatchObject(exit);
  });

  test("a signal from outside ends it", async () => {
    const id = await started();
    await lab.processes.signal(id, 9);
    expect(await lab.processes.wait(id)).toMatchObject({ exitCode: 137, signal: 9 });
  });

  test("a signal is the program's to handle", async () => {
    const id = await started("trap 'exit 3' TERM; while :; do sleep 0.02; done");
    const pid = (await lab.processes.state(id))?.pid ?? 0;
    await until(() => catches(pid, "SIGTERM"));
    await lab.processes.signal(id, 15);
    expect(await lab.processes.wait(id)).toMatchObject({ exitCode: 3 });
  });

  test("all processes get a signal for all", async () => {
    const id = await started("sleep 61 & sleep 62 & wait");
    await until(async () => (await lab.processes.pids(id)).length === 3);
    await lab.processes.signal(id, 9, { all: true });
    await lab.processes.wait(id);
    expect(await lab.processes.pids(id)).toEqual([]);
  });

  test("with the host's pid namespace the children end with the first", async () => {
    const namespaces = (["mount", "uts", "ipc", "network", "cgroup"] as const).map((type) => ({ type }));
    const { exit, stdout } = await lab.shell("sleep 63 > /dev/null 2>&1 & echo $!", { linux: { namespaces } });
    expect(exit.exitCode).toBe(0);
    await until(() => !existsSync(`/proc/${stdout.trim()}`));
  });

  test("waiting can be given up", async () => {
    const id = await started();
    await expect(lab.processes.wait(id, { signal: AbortSignal.timeout(50) })).rejects.toThrow(/timeout/i);
    await lab.processes.remove(id);
  });

  test("the exit command runs after the record", async () => {
    const request = lab.request(["sh", "-c", "exit 4"]);
    const copy = join(lab.folder, `${request.id}-copy`);
    await lab.processes.run({
      ...request,
      stdio: silent,
      exitCommand: ["/bin/sh", "-c", `cat ${join(lab.runRoot, "containers", request.id, "exit.json")} > ${copy}.new && mv ${copy}.new ${copy}`],
    });
    await until(() => existsSync(copy));
    expect(JSON.parse(readFileSync(copy, "utf8"))).toMatchObject({ exitCode: 4 });
  });
});

describe("exec", () => {
  test("it joins the container and has its own end", async () => {
    const id = await started();
    const pid = (await lab.processes.state(id))?.pid ?? 0;
    const { attachment, exit, pid: own } = await lab.processes.exec(id, program(["sh", "-c", "hostname; read x; echo $x; exit 5"]), { stdin: true });
    for (const type of ["pid", "mnt", "uts", "ipc", "net", "cgroup"]) expect(namespaceOf(own, type)).toBe(namespaceOf(pid, type));
    expect(await lab.processes.pids(id)).toContain(own);
    await attachment?.write(Buffer.from("typed\n"));
    let text = "";
    for await (const { data } of attachment?.output ?? []) text += Buffer.from(data).toString();
    expect(text).toBe("box\ntyped\n");
    expect(await exit).toMatchObject({ exitCode: 5 });
    expect((await lab.processes.state(id))?.status).toBe("running");
    await lab.processes.remove(id);
  });

  const output = async (id: string, process: ProcessSpec): Promise<string> => {
    const { attachment } = await lab.processes.exec(id, process, { stdin: false });
    let text = "";
    for await (const { data } of attachment?.output ?? []) text += Buffer.from(data).toString();
    return text;
  };

  test("it is held as the container is, and as its own user", async () => {
    const id = await started();
    expect(await output(id, program(["probe", "ask", "unshare"]))).toBe("EPERM\n");
    expect(await output(id, program(["probe", "descriptors"]))).toBe("0 1 2 \n");
    const user = { uid: 1000, gid: 1000, additionalGids: [5] };
    expect(await output(id, program(["sh", "-c", "id -u; id -G; pwd; grep CapEff: /proc/self/status | cut -f2"], { user, cwd: "/tmp" }))).toBe(
      "1000\n1000 5\n/tmp\n0000000000000000\n",
    );
    await lab.processes.remove(id);
  });

  test("it may have a terminal", async () => {
    const id = await started();
    expect(await output(id, program(["sh", "-c", "tty; stty size"], { terminal: true, consoleSize: { width: 70, height: 9 } }))).toBe("/dev/pts/0\r\n9 70\r\n");
    await lab.processes.remove(id);
  });

  test("a detached one goes on; a client finds it by its name", async () => {
    const id = await started();
    const { execID, pid, exit } = await lab.processes.exec(id, program(["sh", "-c", "until [ -e /go ]; do sleep 0.02; done; echo late; exit 8"]), {
      stdin: false,
      detach: true,
    });
    const attachment = await lab.processes.attach(id, { exec: execID });
    await give(id, "/go");
    let text = "";
    for await (const { data } of attachment.output) text += Buffer.from(data).toString();
    expect([text, (await exit).exitCode]).toEqual(["late\n", 8]);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    await lab.processes.remove(id);
  });

  test.each([
    [["nowhere"], "COMMAND_NOT_FOUND"],
    [["/etc/passwd"], "COMMAND_NOT_EXECUTABLE"],
  ] as const)("%j is refused", async (args, code) => {
    const id = await started();
    await expect(lab.processes.exec(id, program(args), { stdin: false })).rejects.toMatchObject({ code });
    await until(() => readdirSync(join(lab.runRoot, "containers", id, "exec")).length === 0);
    await lab.processes.remove(id);
  });

  test("a container that has stopped takes none", async () => {
    const id = await started("true");
    await lab.processes.wait(id);
    await expect(lab.processes.exec(id, program(["true"]), { stdin: false })).rejects.toMatchObject({ code: "CONTAINER_STATE" });
  });
});

describe("when something dies", () => {
  test("a monitor killed without a word takes its container along, and that is noticed", async () => {
    const id = await started("sleep 64 & sleep 65");
    const pid = (await lab.processes.state(id))?.pid ?? 0;
    const waiting = lab.processes.wait(id);
    process.kill(monitorOf(id), "SIGKILL");
    expect(await waiting).toMatchObject({ exitCode: 137 });
    await until(() => !existsSync(`/proc/${pid}`));
    expect(await lab.processes.state(id)).toMatchObject({ status: "stopped", pid: 0, exit: { exitCode: 137 } });
    await lab.processes.remove(id);
    expect(groupsNamed(id)).toEqual([]);
  });

  test("a container outlives the command that made it", async () => {
    const { id, spec, layers } = lab.request(["sh", "-c", "until [ -e /go ]; do sleep 0.02; done; exit 9"]);
    const script = `import { openProcesses } from ${JSON.stringify(join(projectRoot, "dist/runtime/open-processes.js"))};
      const processes = await openProcesses(${JSON.stringify({ runRoot: lab.runRoot, helper: join(projectRoot, "build/Release/strata-helper") })});
      await processes.run(${JSON.stringify({ id, spec, layers, stdio: silent })});
      process.kill(process.pid, "SIGKILL");`;
    const maker = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    await new Promise((resolve) => maker.once("exit", resolve));
    expect((await lab.processes.state(id))?.status).toBe("running");
    await give(id, "/go");
    expect(await lab.processes.wait(id)).toMatchObject({ exitCode: 9 });
  });

  test("a foreground run ends with its abort, and leaves nothing", async () => {
    const abort = new AbortController();
    const request = lab.request(["sh", "-c", "echo up; sleep 66"]);
    const running = lab.processes.runOnce(request, { onOutput: () => abort.abort(new Error("enough")), signal: abort.signal });
    await expect(running).rejects.toThrow("enough");
    expect(groupsNamed(request.id)).toEqual([]);
    expect(existsSync(join(lab.runRoot, "containers", request.id))).toBe(false);
  });

  test("a foreground run ends with the process that wanted it", async () => {
    const { id, spec, layers } = lab.request(["sh", "-c", "echo up; sleep 67"]);
    const script = `import { openProcesses } from ${JSON.stringify(join(projectRoot, "dist/runtime/open-processes.js"))};
      const processes = await openProcesses(${JSON.stringify({ runRoot: lab.runRoot, helper: join(projectRoot, "build/Release/strata-helper") })});
      await processes.runOnce(${JSON.stringify({ id, spec, layers })}, { onOutput: () => process.kill(process.pid, "SIGKILL") });`;
    const maker = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    await new Promise((resolve) => maker.once("exit", resolve));
    await until(() => groupsNamed(id).length === 0);
  });

  test("an idle container's supervision, monitor and keeper, takes at most a megabyte", async () => {
    const id = await started();
    const { monitor, keeper = 0 } = JSON.parse(readFileSync(join(lab.runRoot, "containers", id, "pid"), "utf8")) as MonitorPids;
    const rollups = [monitor, keeper].map((pid) => readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
    expect(rollups.reduce((sum, text) => sum + Number(/^Pss: +(\d+) kB$/m.exec(text)?.[1]), 0)).toBeLessThan(1024);
    await lab.processes.remove(id);
  });

  test("state folders are the owner's only", async () => {
    const id = await started();
    expect(statSync(join(lab.runRoot, "containers", id, "state.json")).mode & 0o777).toBe(0o600);
    await lab.processes.remove(id);
  });
});

describe("whoever asked for a container and died before it was known", () => {
  test("has left a program that never runs", async () => {
    const request = lab.request(["touch", "/ran"]);
    const directory = join(lab.folder, `state-${lab.id()}`);
    mkdirSync(directory);
    const common = { start: true, attach: false, groups: undefined, seccomp: undefined, environment: {}, rootless: false, nested: "no" } as const;
    const run = async (leaves: boolean): Promise<boolean> => {
      const operations = lower({ ...common, request: { ...request, stdio: silent }, mode: "stay", directory });
      const child = spawn(helper, ["launch"], { stdio: ["ignore", "ignore", "ignore", "pipe"], env: {} });
      const control = child.stdio[3] as Socket;
      if (leaves) control.end(encodeOperations(operations));
      else control.write(encodeOperations(operations));
      control.resume();
      await once(child, "exit");
      control.destroy();
      rmSync(directory, { recursive: true });
      mkdirSync(directory);
      return existsSync(join(request.layers?.upper ?? "", "ran"));
    };
    expect(await run(true)).toBe(false);
    expect(await run(false)).toBe(true);
  });
});
