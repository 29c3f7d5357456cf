/** The graph of a build: what runs, what runs once, what runs at once, what ends with what. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Executor, RunRequest } from "../../builder/executor.ts";
import { runStrata } from "../support/cli.ts";
import { eventually } from "../support/cluster.ts";
import { leftovers } from "../support/leftovers.ts";
import { strata } from "../support/root.ts";
import { openLab, type Lab } from "./lab.ts";
import { rootWithImage } from "./root-with-image.ts";

/** Runs nothing, and knows what it was asked to run. */
class Recorder implements Executor {
  readonly commands: string[] = [];
  most = 0;
  #now = 0;
  readonly #act: (command: string, request: RunRequest) => Promise<number>;

  constructor(act: (command: string, request: RunRequest) => Promise<number> = async () => await Promise.resolve(0)) {
    this.#act = act;
  }

  async run(request: RunRequest): Promise<number> {
    const command = request.args.at(-1) ?? "";
    this.commands.push(command);
    this.most = Math.max(this.most, ++this.#now);
    try {
      return await this.#act(command, request);
    } finally {
      this.#now--;
    }
  }
}

describe("Without a kernel", () => {
  let lab: Lab;
  beforeEach(async () => void (lab = await openLab()));
  afterEach(async () => await lab[Symbol.asyncDispose]());

  test("equal steps of different stages run once", async () => {
    const executor = new Recorder();
    const text =
      [1, 2, 3].map((n) => `FROM scratch AS s${n}\nRUN make\n`).join("") + "FROM scratch\n" + [1, 2, 3].map((n) => `COPY --from=s${n} / /${n}\n`).join("");
    await lab.build(text, {}, executor);
    expect(executor.commands).toEqual(["make"]);
  });

  test("stages that need nothing of each other run at once, no more than the cores are good for", async () => {
    const executor: Recorder = new Recorder(async () => {
      for (let tries = 0; tries < 500 && executor.most < 2; tries++) await sleep(20);
      return 0;
    });
    const count = 6 * availableParallelism();
    const stages = Array.from({ length: count }, (_, n) => `FROM scratch AS s${n}\nRUN make ${n}\n`);
    await lab.build(`${stages.join("")}FROM scratch\n${stages.map((_, n) => `COPY --from=s${n} / /${n}\n`).join("")}`, {}, executor);
    expect(executor.commands).toHaveLength(count);
    expect(executor.most).toBeGreaterThan(1);
    expect(executor.most).toBeLessThanOrEqual(4 * availableParallelism());
  });

  const STAGES =
    "FROM scratch AS one\nRUN one\nFROM scratch AS two\nRUN two\nFROM one AS three\nRUN three\nFROM scratch AS four\nRUN --mount=from=two,target=/m four\n";
  /** target, what runs */
  const targets: readonly (readonly [string | undefined, readonly string[]])[] = [
    ["one", ["one"]],
    ["three", ["one", "three"]],
    ["TWO", ["two"]],
    ["0", ["one"]],
    [undefined, ["four", "two"]],
  ];
  test.each(targets)("--target %s builds only what it needs", async (target, wanted) => {
    const executor = new Recorder();
    await lab.build(STAGES, { target }, executor);
    expect(executor.commands.toSorted()).toEqual(wanted);
  });

  test("a target that is not there is refused with the nearest name", async () => {
    await expect(lab.build(STAGES, { target: "thre" })).rejects.toMatchObject({ code: "STAGE_UNKNOWN", hint: /three/ });
  });

  test("a failed step cancels those that run and starts no more", async () => {
    const cancelled: string[] = [];
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const executor = new Recorder(async (command, { signal }) => {
      if (command === "bad") return await begun.then(() => 7);
      begin();
      await new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
      cancelled.push(command);
      return 137;
    });
    const text = "FROM scratch AS a\nRUN long\nRUN after\nFROM scratch AS b\nRUN bad\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\n";
    await expect(lab.build(text, {}, executor)).rejects.toMatchObject({ code: "RUN_FAILED", message: expect.stringMatching(/exit code: 7/) as string });
    expect([cancelled, executor.commands.includes("after")]).toEqual([["long"], false]);
  });

  test("--no-cache-filter makes the steps of the named stages again, and those that are on them", async () => {
    const text = "FROM scratch AS one\nRUN one\nFROM scratch AS two\nRUN two\nFROM scratch\nCOPY --from=one / /\nCOPY --from=two / /\n";
    await lab.build(text, {}, new Recorder());
    const executor = new Recorder();
    await lab.build(text, { noCacheFilter: new Set(["two"]) }, executor);
    expect(executor.commands).toEqual(["two"]);
  });

  test("two builds at once make each step once: the second waits for the layer of the first", async () => {
    const executor = new Recorder(async () => (await sleep(200), 0));
    const text = "FROM scratch\nRUN one\nRUN two\n";
    const [one, two] = await Promise.all([lab.build(text, {}, executor), lab.build(text, {}, executor)]);
    expect(executor.commands).toEqual(["one", "two"]);
    expect(two.result.id).toBe(one.result.id);
    expect(readdirSync(join(lab.store.root, "builder/locks"))).toEqual([]);
  });

  test("a build that fails lets the one that waits for its step try itself", async () => {
    let runs = 0;
    const executor = new Recorder(async () => (await sleep(200), ++runs === 1 ? 1 : 0));
    const outcomes = await Promise.allSettled([lab.build("FROM scratch\nRUN x\n", {}, executor), lab.build("FROM scratch\nRUN x\n", {}, executor)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  test("an unchanged file is known by its stat data, not by reading it", async () => {
    const bytes = 16 << 20;
    const context = lab.context({ a: "A".repeat(bytes), b: "B" });
    const text = "FROM scratch\nCOPY a b /n/\n"; // two sources: no short cut by the folder's walk
    const readBy = async (): Promise<number> => {
      const before = bytesRead();
      await lab.build(text);
      return bytesRead() - before;
    };
    await sleep(100); // a change within the clock's tick would make stat data say nothing
    await lab.build(text);
    expect(await readBy()).toBeLessThan(1.5 * bytes); // the lab reads the result
    writeFileSync(join(context, "a"), "a".repeat(bytes));
    await sleep(100);
    expect(await readBy()).toBeGreaterThan(1.5 * bytes);
    expect(await readBy()).toBeLessThan(1.5 * bytes);
  });
});

/** By this process, all its threads, so far. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
}

describe("With the kernel", () => {
  const root = rootWithImage();
  let context: string;
  beforeAll(() => {
    context = join(root.root, "..", "context");
    mkdirSync(context);
  });

  const start = (dockerfile: string, ...flags: readonly string[]): { readonly child: ChildProcess; readonly status: Promise<number | null>; log(): string } => {
    const child = spawn(process.execPath, [strata, "build", "--progress", "plain", "-f", "-", ...flags, context], {
      env: root.env,
      stdio: ["pipe", "ignore", "pipe"],
    });
    child.stdin?.end(dockerfile);
    let log = "";
    child.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
    return { child, status: new Promise((resolve) => child.once("exit", resolve)), log: () => log };
  };
  const GATES = "--mount=type=cache,target=/gates,id=gates";
  const until = (gate: string): string => `until [ -e /gates/${gate} ]; do sleep 0.1; done`;
  const open = async (gate: string): Promise<void> => {
    const { status } = await runStrata(root, ["build", "-f", "-", context], { input: `FROM strata-test/tools\nRUN ${GATES} touch /gates/${gate}\n` });
    expect(status).toBe(0);
  };
  const assertClean = (): void => {
    expect(leftovers(root)).toEqual([]);
    for (const folder of ["active", "ingest"]) expect(readdirSync(join(root.root, folder))).toEqual([]);
    expect(readdirSync(join(root.runRoot, "build"))).toEqual([]);
  };

  test("a failed step ends RUNs that are under way, with all their processes", async () => {
    const { status, log } = start(
      `FROM strata-test/tools AS a\nRUN ${GATES} touch /gates/failed; sleep 300 & sleep 301\nFROM strata-test/tools AS b\nRUN ${GATES} ${until("failed")}; exit 9\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\n`,
    );
    expect(await status).toBe(1);
    expect(log()).toMatch(/CANCELED/);
    expect(log()).toMatch(/exit code: 9/);
    await eventually(async () => await Promise.resolve(assertClean()));
  });

  test("^C during a RUN", async () => {
    const { child, status, log } = start("FROM strata-test/tools\nRUN echo begun; sleep 302 & sleep 303\n");
    await eventually(async () => await Promise.resolve(expect(log()).toMatch(/\d begun/)));
    child.kill("SIGINT");
    expect(await status).toBe(130);
    await eventually(async () => await Promise.resolve(assertClean()));
  });

  test("^C during a COPY", async () => {
    mkdirSync(join(context, "wide"), { recursive: true });
    for (let n = 0; n < 8000; n++) writeFileSync(join(context, "wide", String(n)), `${n}`);
    let interrupted = 0;
    for (let round = 0, delays = [0, 30, 80]; round < delays.length || (interrupted === 0 && round < 20); round++) {
      const { child, status, log } = start("FROM scratch\nCOPY wide /w/\nCOPY wide /v/\n", "--no-cache");
      await eventually(async () => await Promise.resolve(expect(log()).toMatch(/COPY wide/)));
      await sleep(delays[round] ?? 0);
      child.kill("SIGINT");
      const code = await status;
      expect([0, 130]).toContain(code); // 0: it had just ended
      interrupted += Number(code === 130);
      await eventually(async () => await Promise.resolve(assertClean()));
    }
    expect(interrupted).toBeGreaterThan(0);
    expect((await runStrata(root, ["system", "check"])).status).toBe(0);
    rmSync(join(context, "wide"), { recursive: true });
  });

  test("two processes make a step once; one that waits can be interrupted; one that is killed is replaced", async () => {
    const text = `FROM strata-test/tools\nRUN ${GATES} echo begun; ${until("unique")}; cat /proc/sys/kernel/random/uuid > /unique\n`;
    const first = start(text, "-t", "strata-test/first");
    await eventually(async () => await Promise.resolve(expect(first.log()).toMatch(/\d begun/)));
    const [second, third] = [start(text, "-t", "strata-test/second"), start(text)];
    for (const { log } of [second, third]) await eventually(async () => await Promise.resolve(expect(log()).toMatch(/waiting for another build/)));
    third.child.kill("SIGINT");
    expect(await third.status).toBe(130);
    await open("unique");
    expect([await first.status, await second.status]).toEqual([0, 0]);
    expect(second.log()).not.toMatch(/\d begun/);
    const ids = await Promise.all(["first", "second"].map(async (name) => (await runStrata(root, ["images", "-q", `strata-test/${name}`])).stdout));
    expect(ids[1]).toBe(ids[0]);

    const other = text.replaceAll("unique", "other");
    const killed = start(other);
    await eventually(async () => await Promise.resolve(expect(killed.log()).toMatch(/\d begun/)));
    const heir = start(other);
    await eventually(async () => await Promise.resolve(expect(heir.log()).toMatch(/waiting for another build/)));
    killed.child.kill("SIGKILL");
    await killed.status;
    await open("other");
    expect(await heir.status).toBe(0);
    expect(heir.log()).toMatch(/\d begun/);
  });
});
