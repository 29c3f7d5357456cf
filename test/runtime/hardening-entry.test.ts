/** The helper on its way into a container: what it shows of itself, what it takes along, whom it signals. Items are those of the hardening list. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openProcesses } from "../../runtime/open-processes.ts";
import { lower } from "../../runtime/process/lower.ts";
import { encodeOperations } from "../../runtime/process/operation.ts";
import type { ProcessSpec } from "../../runtime/spec.ts";
import { openedForAll } from "../support/opened.ts";
import { helper } from "../support/root.ts";
import { maliciousLayer, openLab, type Overrides } from "./lab.ts";

const lab = openedForAll(openLab);

const silent = { kind: "monitor", stdin: false } as const;

function program(args: readonly string[], overrides?: Overrides): ProcessSpec {
  const { process } = lab.spec(args, overrides);
  if (process === undefined) throw new Error("no process");
  return process;
}

/** Runs a script whose helper was started by a shell line with descriptors of its own; returns the file /seen of the container. */
async function startedBy(line: string, script: string, descriptors: readonly number[] = []): Promise<string> {
  const request = lab.request(["sh", "-c", script]);
  const directory = join(lab.folder, `state-${lab.id()}`);
  mkdirSync(directory);
  const common = { start: true, attach: false, groups: undefined, seccomp: undefined, environment: {}, rootless: false, nested: "no" } as const;
  const operations = lower({ ...common, request: { ...request, stdio: { kind: "inherit" } }, mode: "stay", directory });
  const child = spawn("sh", ["-c", line, "sh", helper], { stdio: ["ignore", "ignore", "ignore", "pipe", ...descriptors], env: { PATH: process.env["PATH"] } });
  const control = child.stdio[3] as Socket;
  control.write(encodeOperations(operations));
  control.resume();
  await once(child, "exit");
  control.destroy();
  return readFileSync(join(request.layers?.upper ?? "", "seen"), "utf8");
}

/** The error that it gives; ETXTBSY while its monitor still ends. */
function tryToWrite(path: string): string {
  try {
    closeSync(openSync(path, "r+"));
    return "written";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "";
  }
}

describe("item 1: the helper's own file", () => {
  test("cannot be overwritten by what runs in its place (CVE-2019-5736)", async () => {
    const hash = (): string => createHash("sha256").update(readFileSync(helper)).digest("hex");
    const before = hash();
    // The entry point is a script whose interpreter is the helper itself, as a container's first process sees it.
    const layer = maliciousLayer(lab, {}, { "bin/again": "#!/proc/self/exe\n" });
    await lab.run(["/bin/again"], { lowers: [layer, lab.rootfs] }).catch(() => undefined);
    const { state } = await lab.processes.run({
      ...lab.request([
        "sh",
        "-c",
        "while :; do for exe in /proc/[0-9]*/exe; do [ $exe -ef /bin/sh ] || [ $exe -ef /bin/sleep ] || probe overwrite $exe; done; done",
      ]),
      stdio: silent,
    });
    for (let round = 0; round < 20; round++) await (await lab.processes.exec(state.id, program(["sleep", "0"]), { stdin: false, detach: true })).exit;
    await lab.processes.remove(state.id);
    expect(hash()).toBe(before);
  });

  test("stays read-only for whoever kept it open until nobody runs it any more", async () => {
    const own = join(lab.folder, "own-helper"); // one that no other test runs, or it would be busy
    copyFileSync(helper, own);
    const processes = await openProcesses({ runRoot: lab.runRoot, helper: own });
    const { id } = await processes.create({ ...lab.request(["true"]), stdio: silent });
    const kept = openSync(`/proc/${(await processes.state(id))?.pid ?? 0}/exe`, "r");
    try {
      await processes.start(id);
      await processes.wait(id);
      await processes.remove(id);
      await expect.poll(() => tryToWrite(`/proc/self/fd/${kept}`), { timeout: 60_000 }).toBe("EROFS");
    } finally {
      closeSync(kept);
    }
  });

  test("a process that joins is not to be read or traced by those inside", async () => {
    // Everything that exec'd processes show of themselves before execve: their open files.
    const log = join(lab.folder, "seen.log");
    const { state } = await lab.processes.run({
      ...lab.request(["sh", "-c", "while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || ls -l $p/fd 2>/dev/null; done; done"]),
      stdio: { ...silent, log: { path: log, format: "cri" } },
    });
    for (let round = 0; round < 20; round++) await (await lab.processes.exec(state.id, program(["sleep", "0"]), { stdin: false, detach: true })).exit;
    await lab.processes.remove(state.id);
    expect(readFileSync(log, "utf8")).not.toContain(lab.folder);
  });
});

describe("item 2: descriptors and the working folder", () => {
  test.each(["/proc/self/fd/3", "/proc/self/fd/4", "/proc/self/fd/7", "/proc/self/fd/9", "/proc/self/cwd/../..", "/work"])(
    "the working folder %s leads to no folder of the host's (CVE-2024-21626)",
    async (cwd) => {
      const layer = maliciousLayer(lab, { work: "/proc/self/fd/8" });
      const stdout = await lab
        .shell("cat ../../../../../../etc/shadow; ls -d ../../../../../bin/probe", { lowers: [layer, lab.rootfs], process: { cwd } })
        .then(
          (outcome) => outcome.stdout,
          (error: unknown) => error,
        );
      if (cwd.includes("cwd")) expect(stdout).toBe("../../../../../bin/probe\n");
      else expect(stdout).toMatchObject({ code: "COMMAND_NOT_EXECUTABLE", step: "cwd" });
    },
  );

  test.each(["/proc/self/fd/3", "/proc/self/fd/6", "/proc/self/fd/8"])("nor for a process that joins: %s", async (cwd) => {
    const { state } = await lab.processes.run({ ...lab.request(["sleep", "600"]), stdio: silent });
    await expect(lab.processes.exec(state.id, program(["true"], { process: { cwd } }), { stdin: false })).rejects.toMatchObject({ step: "cwd" });
    await lab.processes.remove(state.id);
  });

  test("what the caller left open reaches neither the program nor the monitor", async () => {
    const leaked = openSync("/", "r");
    try {
      expect(await startedBy('exec "$1" launch', "exec probe descriptors > /seen", [leaked, leaked])).toBe("0 1 2 \n");
    } finally {
      closeSync(leaked);
    }
  });

  test("nothing of the host is seen through /proc/1/root or the old root", async () => {
    const outside = join(lab.folder, "outside");
    mkdirSync(outside);
    const { stdout } = await lab.shell(`ls /proc/1/root | tr '\\n' ' '; ls /proc/1/root${outside} 2>/dev/null; grep -c ${outside} /proc/self/mountinfo`);
    expect(stdout).toBe("bin dev etc lib lib64 proc root sys tmp 0\n");
  });
});

describe("item 13: what a process inherits", () => {
  test("stdio that was the host's /dev/null is the container's own", async () => {
    const same = "[ /proc/self/fd/0 -ef /dev/null ] && [ /proc/self/fd/1 -ef /dev/null ] && echo own > /seen || echo host > /seen";
    expect(await startedBy('exec "$1" launch', `(${same}) > /dev/null; exec < /dev/null; :`)).toBe("own\n");
    expect(await startedBy('exec "$1" launch', "stat -L -c '%d' /proc/self/fd/0 /dev/null > /seen")).toMatch(/^(\d+)\n\1\n$/);
  });

  test("a caller bound to one processor, deaf to signals and with some blocked hands none of that on", async () => {
    const line = `trap '' INT TERM PIPE; exec taskset -c 0 "$1" launch`;
    const script = "grep -E '^Sig(Ign|Blk):' /proc/self/status | cut -f2 > /seen; grep Cpus_allowed_list /proc/self/status | cut -f2 >> /seen";
    const all = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync("/proc/1/status", "utf8"))?.[1];
    const seen = (await startedBy(line, script)).trim().split("\n");
    expect(seen).toEqual(["0000000000000000", "0000000000000000", all]);
  });
});

describe("item 16: who a number stands for", () => {
  test("a pid that another process got meanwhile is neither signalled nor taken for the container", async () => {
    const { state } = await lab.processes.run({ ...lab.request(["sleep", "600"]), stdio: silent });
    await new Promise((resolve) => setTimeout(resolve, 50)); // start times are told in hundredths of a second
    const bystander = spawn("sleep", ["600"], { stdio: "ignore" });
    const record = join(lab.runRoot, "containers", state.id, "pid");
    const written = JSON.parse(readFileSync(record, "utf8")) as Record<string, number>;
    try {
      writeFileSync(record, JSON.stringify({ ...written, pid: bystander.pid }));
      await lab.processes.signal(state.id, 9).catch(() => undefined);
      await expect(lab.processes.exec(state.id, program(["true"]), { stdin: false })).rejects.toThrow();
      expect([bystander.exitCode, bystander.signalCode]).toEqual([null, null]);
      expect(() => process.kill(bystander.pid ?? 0, 0)).not.toThrow();
    } finally {
      writeFileSync(record, JSON.stringify(written));
      bystander.kill("SIGKILL");
      await lab.processes.remove(state.id);
    }
  });

  describe("the program is found when it is created", () => {
    /** Created, then changed by the machine before it is started; what it says. */
    async function swapped(change: (root: string) => void): Promise<string> {
      const layer = maliciousLayer(
        lab,
        { link: "/first" },
        { "first/other": "", "second/tool": "#!/bin/sh\necho as created\n", "third/tool": "#!/bin/sh\necho third\n" },
      );
      const request = lab.request(["tool"], { lowers: [layer, lab.rootfs], process: { env: ["PATH=/link:/first:/second:/third:/bin"] } });
      const log = join(lab.folder, `${request.id}.log`);
      const { pid } = await lab.processes.create({ ...request, stdio: { ...silent, log: { path: log, format: "cri" } } });
      try {
        change(`/proc/${pid}/root`);
        await lab.processes.start(request.id);
        await lab.processes.wait(request.id);
        return readFileSync(log, "utf8");
      } finally {
        await lab.processes.remove(request.id);
      }
    }

    test("one that gets into an earlier folder of PATH before the start is not run", async () => {
      const put = (root: string): void => writeFileSync(join(root, "first/tool"), "#!/bin/sh\necho swapped\n", { mode: 0o755 });
      expect(await swapped(put)).toMatch(/ as created\n$/);
    });

    test("nor is one in a folder that takes the place of an earlier one", async () => {
      const exchange = (root: string): void => {
        unlinkSync(join(root, "link"));
        symlinkSync("/third", join(root, "link"));
      };
      expect(await swapped(exchange)).toMatch(/ as created\n$/);
    });

    test("when it is gone nothing is run in its place", async () => {
      await expect(swapped((root) => unlinkSync(join(root, "second/tool")))).rejects.toThrow(/\/second\/tool/);
    });

    test("what is nowhere is not created", async () => {
      await expect(lab.processes.create({ ...lab.request(["nowhere"]), stdio: silent })).rejects.toMatchObject({ code: "COMMAND_NOT_FOUND" });
    });
  });
});
