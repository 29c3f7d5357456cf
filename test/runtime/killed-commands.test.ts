/** Watchers of containers killed with SIGKILL, and a reboot: the next command finds what is true and puts in order what was left. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { MonitorPids } from "../../runtime/process/client.ts";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import { everythingLeft, orphans } from "./nothing-left.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { removeGroupsBelow } from "../support/cgroups.ts";
import { eventually as soon } from "../support/cluster.ts";
import { treeTool } from "../support/root.ts";

vi.setConfig({ testTimeout: 180_000 }); // every step is a command of its own, and machines are busy

async function eventually(check: () => Promise<void>): Promise<void> {
  await soon(check, 60_000);
}

let box: Box;
let store: Store;
beforeAll(async () => {
  box = await openBox("sh sleep true test touch");
  store = await openStore({ root: box.root.root, treeTool });
});
afterEach(async () => await removeAll());
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

interface Row {
  readonly ID: string;
  readonly State: string;
}

async function rows(): Promise<readonly Row[]> {
  const text = await box.strata("ps", "--all", "--no-trunc", "--format", "json");
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Row]));
}

function pidsOf(id: string): MonitorPids {
  return JSON.parse(readFileSync(join(box.root.runRoot, "containers", id, "pid"), "utf8")) as MonitorPids;
}

/** Its keeper first: nobody is to see to what follows. */
function killSupervision(id: string): void {
  const { monitor, keeper = 0 } = pidsOf(id);
  for (const pid of [keeper, monitor]) process.kill(pid, "SIGKILL");
}

async function removeAll(): Promise<void> {
  const ids = (await rows()).map(({ ID }) => ID);
  if (ids.length > 0) await box.strata("rm", "--force", "--volumes", ...ids);
  await box.strata("network", "prune", "--force");
}

test("the rules of a container that was killed with all its watchers go, and those beside it stay", async () => {
  const start = async (): Promise<string> => await box.strata("run", "-d", "-p", "127.0.0.1::80", "-p", "53/udp", BOX_IMAGE, "sleep", "300");
  const [dead, alive] = [await start(), await start()];
  expect(orphans(box.root, store, [dead, alive], [dead, alive])).toEqual([]);
  expect(orphans(box.root, store, [dead, alive], [alive])).toEqual(expect.arrayContaining([expect.stringMatching(/^rule to .* \. 80$/)]));
  killSupervision(dead);
  await eventually(async () => {
    expect((await rows()).map(({ State }) => State).toSorted()).toEqual(["exited", "running"]);
    expect(orphans(box.root, store, [dead, alive], [alive])).toEqual([]);
  });
});

test("a restart whose waiter is killed is still done, and health checks outlive the command that started them", async () => {
  const flags = ["--network", "none", "--restart", "always", "--health-cmd", "true", "--health-interval", "1s"];
  const id = await box.strata("run", "-d", ...flags, BOX_IMAGE, "sh", "-c", "test -e /stay && sleep 300; touch /stay; sleep 1");
  for (let kills = 0; kills < 2; kills++) await killNext("container-settle", id); // the monitor became it; then the keeper did
  await eventually(async () => {
    expect(await box.strata("inspect", "--format", "{{.State.Status}} {{.State.Health.Status}}", id)).toBe("running healthy");
  });
  await box.strata("rm", "-f", id);
});

describe("after a reboot", () => {
  test.each([
    { name: "that took the run folder", reboot: async (ids: readonly string[]) => await takeRunFolder(ids) },
    { name: "that left it", reboot: async (ids: readonly string[]) => await changeBoot(ids) },
  ])("$name, containers are shown as ended, settled, and started again where their policy says so", async ({ reboot }) => {
    const [plain, always] = await Promise.all(
      ["no", "always"].map(async (policy) => await box.strata("run", "-d", "--restart", policy, BOX_IMAGE, "sleep", "300")),
    );
    const ids = [plain ?? "", always ?? ""];
    const before = Date.now();
    for (const id of ids) killSupervision(id);
    await eventually(async () => expect(await Promise.resolve(ids.map((id) => existsSync(`/proc/${pidsOf(id).pid}`)))).toEqual([false, false]));
    await reboot(ids);
    expect(await box.strata("ps", "--all", "--filter", `id=${plain}`, "--format", "{{.Status}}")).toMatch(/^Exited \(255\)/);
    const [state, finished] = (await box.strata("inspect", "--format", "{{.State.Status}} {{.State.Error}}|{{.State.FinishedAt}}", plain ?? "")).split("|");
    expect(state).toBe("exited the machine was started anew");
    expect(Date.parse(finished ?? "")).toBeGreaterThanOrEqual(before);
    expect(await box.strata("inspect", "--format", "{{.State.FinishedAt}}", plain ?? "")).toBe(finished);
    await eventually(async () => expect(await box.strata("inspect", "--format", "{{.State.Status}}", always ?? "")).toBe("running"));
    await eventually(async () => expect(await Promise.resolve(orphans(box.root, store, ids, [always ?? ""]))).toEqual([]));
    await removeAll();
    await eventually(async () => expect(await Promise.resolve(everythingLeft(box.root, store, ids))).toEqual([]));
  });
});

/** As a kernel that starts finds it: no namespace, link or group. */
async function forgetKernel(ids: readonly string[]): Promise<void> {
  const { runRoot } = box.root;
  for (const id of ids) {
    execFileSync("umount", [join(runRoot, "netns", id)]);
    await removeGroupsBelow(id);
  }
}

async function takeRunFolder(ids: readonly string[]): Promise<void> {
  await forgetKernel(ids);
  for (const name of readdirSync(box.root.runRoot)) rmSync(join(box.root.runRoot, name), { recursive: true });
}

async function changeBoot(ids: readonly string[]): Promise<void> {
  await forgetKernel(ids);
  for (const id of ids) {
    const path = join(box.root.runRoot, "containers", id, "state.json");
    const state = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...state, boot: "00000000-0000-0000-0000-000000000000" }));
    // Another process by now: a pid that lives, started when the one before was.
    const pids = pidsOf(id);
    const stat = readFileSync(`/proc/${process.pid}/stat`, "utf8");
    const startTime = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    writeFileSync(join(path, "../pid"), JSON.stringify({ ...pids, pid: process.pid, startTime, monitor: process.pid, monitorStartTime: startTime }));
  }
}

/** The first that is seen. */
async function killNext(...words: readonly string[]): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(5)) {
    const [pid] = processesWith(...words);
    if (pid === undefined) continue;
    process.kill(pid, "SIGKILL");
    await eventually(async () => expect(await Promise.resolve(processesWith(...words))).not.toContain(pid));
    return;
  }
  throw new Error(`no process with ${words.join(" ")} was seen`);
}

function processesWith(...words: readonly string[]): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "latin1");
        return words.every((word) => line.includes(word));
      } catch {
        return false; // ended meanwhile
      }
    })
    .map(Number);
}
