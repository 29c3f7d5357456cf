/** Attacks on the one who watches: groups, devices, freezing, orphans, exit codes. Items are those of the hardening list. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DEFAULT_MOUNTS } from "../../runtime/defaults.ts";
import { CAPABILITIES } from "../../runtime/process/capabilities.ts";
import type { ProcessSpec } from "../../runtime/spec.ts";
import { groupsNamed } from "../support/cgroups.ts";
import { openedForAll } from "../support/opened.ts";
import { projectRoot } from "../support/root.ts";
import { NAMESPACES, openLab } from "./lab.ts";

const lab = openedForAll(openLab);

const silent = { kind: "monitor", stdin: false } as const;
const all = { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES };
const unfiltered = { seccomp: { defaultAction: "SCMP_ACT_ALLOW" } };

function program(args: readonly string[], more: Partial<ProcessSpec> = {}): ProcessSpec {
  const { process } = lab.spec(args, { process: more });
  if (process === undefined) throw new Error("no process");
  return process;
}

async function output(id: string, spec: ProcessSpec): Promise<string> {
  const { attachment } = await lab.processes.exec(id, spec, { stdin: false });
  let text = "";
  for await (const { data } of attachment?.output ?? []) text += Buffer.from(data).toString();
  return text;
}

describe("item 12: groups and devices", () => {
  /** The disk under this machine's root, or any other. */
  const disk = (): string => {
    const name = readdirSync("/sys/block").find((one) => !/^(ram|zram)/.test(one)) ?? "";
    return readFileSync(`/sys/block/${name}/dev`, "utf8").trim().replace(":", " ");
  };
  const steal = (): string => `mknod /dev/disk b ${disk()} && { head -c 1 /dev/disk > /dev/null 2>&1 && echo stolen || echo refused; }`;

  test("a program with every capability makes a node of the disk, and cannot open it in its first moment nor when it joins", async () => {
    const request = lab.request(["sh", "-c", `${steal()}; exec sleep 600`], { process: { capabilities: all }, linux: unfiltered });
    const log = join(lab.folder, `${request.id}.log`);
    const { state } = await lab.processes.run({ ...request, stdio: { ...silent, log: { path: log, format: "cri" } } });
    await expect.poll(() => readFileSync(log, "utf8"), { timeout: 60_000 }).toMatch(/ (stolen|refused)\n$/);
    expect(readFileSync(log, "utf8")).toMatch(/ refused\n$/);
    expect(await output(state.id, program(["sh", "-c", `rm /dev/disk; ${steal()}`], { capabilities: all }))).toBe("refused\n");
    await lab.processes.remove(state.id);
  });

  test("its groups look like the root to it, and show no sibling", async () => {
    const { state } = await lab.processes.run({ ...lab.request(["sleep", "600"]), stdio: silent });
    const paths = await output(
      state.id,
      program(["sh", "-c", "cut -d: -f3 /proc/self/cgroup /proc/1/cgroup | sort -u; ls -d /sys/fs/cgroup/*/*/ 2>/dev/null"]),
    );
    const own = readFileSync(`/proc/${state.pid}/cgroup`, "utf8");
    expect(own).toContain(state.id);
    expect(paths).not.toContain("..");
    expect(paths.split("\n")[0]).toBe("/");
    expect(paths).not.toContain("strata");
    await lab.processes.remove(state.id);
  });
});

describe("item 17: what is frozen dies too", () => {
  const freezer = "/sys/fs/cgroup/freezer";
  const isV1 = existsSync(freezer);

  test("a paused container is killed, and its groups go", async () => {
    const { state } = await lab.processes.run({ ...lab.request(["sleep", "600"]), stdio: silent });
    await lab.processes.pause(state.id);
    await lab.processes.signal(state.id, 9);
    expect((await lab.processes.wait(state.id)).exitCode).toBe(137);
    await lab.processes.remove(state.id);
    expect(groupsNamed(state.id)).toEqual([]);
  });

  test.runIf(isV1)("a process that the container froze in a group of its own does not keep it alive", async () => {
    const mounts = DEFAULT_MOUNTS.map((mount) =>
      mount.type === "cgroup" ? { ...mount, options: (mount.options ?? []).filter((word) => word !== "ro") } : mount,
    );
    const script = `cd ${freezer} && mkdir ice && { sleep 600 & echo $! > ice/cgroup.procs; } && echo FROZEN > ice/freezer.state && echo frozen && exec sleep 600`;
    const log = join(lab.folder, "frozen.log");
    const kill = async (how: (id: string) => Promise<void>): Promise<void> => {
      const request = lab.request(["sh", "-c", script], { process: { capabilities: all }, linux: unfiltered, spec: { mounts } });
      writeFileSync(log, "");
      const { state } = await lab.processes.run({ ...request, stdio: { ...silent, log: { path: log, format: "cri" } } });
      await expect.poll(() => readFileSync(log, "utf8"), { timeout: 60_000 }).toContain("frozen");
      await how(state.id);
      await lab.processes.remove(state.id);
      expect(existsSync(`/proc/${state.pid}`)).toBe(false);
      expect(groupsNamed(state.id)).toEqual([]);
    };
    await kill(async (id) => {
      await lab.processes.signal(id, 9);
      expect((await lab.processes.wait(id)).exitCode).toBe(137);
    });
    await kill(async () => await Promise.resolve());
  });
});

describe("item 18: the monitor", () => {
  test("is the one that orphans come to, and ends them with the container", async () => {
    const namespaces = NAMESPACES.filter((type) => type !== "pid").map((type) => ({ type }));
    const script = "(sh -c 'echo $$ > /orphan; while :; do sleep 1; done' &) ; while [ ! -s /orphan ]; do sleep 0.01; done; exit 3";
    const request = lab.request(["sh", "-c", script], { linux: { namespaces } });
    const { state } = await lab.processes.run({ ...request, stdio: silent });
    expect((await lab.processes.wait(state.id)).exitCode).toBe(3);
    const orphan = readFileSync(join(request.layers?.upper ?? "", "orphan"), "utf8").trim();
    await expect.poll(() => existsSync(`/proc/${orphan}`), { timeout: 60_000 }).toBe(false);
    await lab.processes.remove(state.id);
  });

  test("publishes the exit code only when all that was written is in the log, and never half of it", async () => {
    const request = lab.request(["sh", "-c", "seq 1 20000; exit 7"]);
    const log = join(lab.folder, `${request.id}.log`);
    const record = join(lab.runRoot, "containers", request.id, "exit.json");
    const { state } = await lab.processes.run({ ...request, stdio: { ...silent, log: { path: log, format: "cri" } } });
    const seen: string[] = [];
    while (seen.length === 0) {
      if (existsSync(record)) seen.push(readFileSync(record, "utf8"), readFileSync(log, "utf8"));
      else await new Promise((resolve) => setImmediate(resolve));
    }
    expect(JSON.parse(seen[0] ?? "")).toMatchObject({ exitCode: 7 });
    expect(seen[1]).toMatch(/ 20000\n$/);
    expect(readdirSync(join(record, "..")).filter((name) => name.startsWith("exit"))).toEqual(["exit.json"]);
    await lab.processes.remove(state.id);
  });
});

describe("item 19: a process 1 that reaps", () => {
  test("buries two hundred orphans that end at once, and passes a signal on", async () => {
    const minder = join(projectRoot, "build/Release/strata-minder");
    const mounts = [...DEFAULT_MOUNTS, { destination: "/dev/.init", type: "bind", source: minder, options: ["bind", "ro"] }];
    const flood = "i=0; while [ $i -lt 200 ]; do (sleep 0 &); i=$((i+1)); done";
    const script = `trap 'exit 9' TERM; ${flood}; touch /done; while :; do sleep 0.05; done`;
    const { state } = await lab.processes.run({ ...lab.request(["/dev/.init", "reap", "sh", "-c", script], { spec: { mounts } }), stdio: silent });
    const zombies = async (): Promise<string> =>
      await output(state.id, program(["sh", "-c", "[ -e /done ] && grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l"]));
    await expect.poll(zombies, { timeout: 60_000 }).toBe("0\n");
    await lab.processes.signal(state.id, 15);
    expect((await lab.processes.wait(state.id)).exitCode).toBe(9);
    await lab.processes.remove(state.id);
  });
});

describe("item 20: what lies in the state folder", () => {
  test("is the owner's alone, and a link planted there is not followed", async () => {
    const target = join(lab.folder, "planted");
    mkdirSync(target);
    writeFileSync(join(target, "keep"), "");
    const id = lab.id();
    const folder = join(lab.runRoot, "containers", id);
    mkdirSync(join(folder, ".."), { recursive: true });
    symlinkSync(target, folder);
    await expect(lab.processes.create({ ...lab.request(["true"]), id, stdio: silent })).rejects.toMatchObject({ code: "CONTAINER_EXISTS" });
    await lab.processes.remove(id);
    expect(readdirSync(target)).toEqual(["keep"]);
  });
});
