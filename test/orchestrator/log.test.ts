import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { openLmdbLog } from "../../orchestrator/log/lmdb-log.ts";
import type { Change, LogKey, ObjectLog } from "../../orchestrator/log/object-log.ts";
import { projectRoot, temporaryRoot, type TemporaryRoot } from "../support/root.ts";

let place: TemporaryRoot;
let log: ObjectLog;

beforeEach(() => {
  place = temporaryRoot();
  log = open();
});

afterEach(async () => {
  await log[Symbol.asyncDispose]();
  place[Symbol.dispose]();
});

function open(changes = 1000, characters = 2 ** 20): ObjectLog {
  return openLmdbLog({ folder: place.root, history: { changes, characters } });
}

const key = (name: string, namespace = "default"): LogKey => ({ resource: "pods", namespace, name });
const pod = (name: string, more: object = {}): KubeObject =>
  ({ apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default", ...more } }) as KubeObject;
const put = async (name: string, more: object = {}): Promise<KubeObject> => await log.transact((transaction) => transaction.put(key(name), pod(name, more)));
const names = (objects: readonly KubeObject[]): string[] => objects.map(({ metadata }) => metadata.name);

describe("the object log", () => {
  test("gives each write its own revision, which is the object's resourceVersion", async () => {
    const [first, second] = [await put("a"), await put("b")];
    expect([first.metadata.resourceVersion, second.metadata.resourceVersion]).toEqual(["1", "2"]);
    expect(log.revision).toBe(2);
  });

  test("lists by namespace and name, and by namespace alone", async () => {
    await log.transact((transaction) => {
      for (const [name, namespace] of [
        ["b", "x"],
        ["a", "x"],
        ["c", "default"],
      ] as const)
        transaction.put(key(name, namespace), pod(name));
    });
    expect(names(log.list("pods"))).toEqual(["c", "a", "b"]);
    expect(names(log.list("pods", "x"))).toEqual(["a", "b"]);
    expect(names(log.list("nodes"))).toEqual([]);
  });

  test("goes on when a listener throws, and tells the others", async () => {
    const bugs: unknown[] = [];
    await log[Symbol.asyncDispose]();
    log = openLmdbLog({ folder: place.root, onBug: (error) => bugs.push(error) });
    const heard: string[] = [];
    log.subscribe(() => {
      throw new Error("bug");
    });
    log.subscribe((changes) => heard.push(...changes.map(({ key: { name } }) => name)));
    await put("a");
    await put("b");
    expect([heard, bugs.map(String)]).toEqual([
      ["a", "b"],
      ["Error: bug", "Error: bug"],
    ]);
  });

  test("lets a transaction read its own writes and those of all before it, and nobody else before they are durable", async () => {
    const seen: string[][] = [];
    const first = log.transact((transaction) => {
      transaction.put(key("a"), pod("a"));
      seen.push(names(transaction.list("pods")));
    });
    const second = log.transact((transaction) => seen.push(names(transaction.list("pods"))));
    expect(log.get(key("a"))).toBeUndefined();
    await Promise.all([first, second]);
    expect(seen).toEqual([["a"], ["a"]]);
    expect(log.get(key("a"))).toBeDefined();
  });

  test("undoes what a transaction wrote when it throws, and keeps its neighbours' writes", async () => {
    const failed = log.transact((transaction) => {
      transaction.put(key("a"), pod("a"));
      throw new Error("no");
    });
    await Promise.all([expect(failed).rejects.toThrow("no"), put("b")]);
    expect(names(log.list("pods"))).toEqual(["b"]);
    expect(log.get(key("b"))?.metadata.resourceVersion).toBe("1");
  });

  test("compares and sets: of many increments at once none is lost", async () => {
    await put("a", { generation: 0 });
    const increment = async (): Promise<unknown> =>
      await log.transact((transaction) => {
        const current = transaction.get(key("a"))!;
        return transaction.put(key("a"), pod("a", { generation: current.metadata.generation! + 1 }));
      });
    await Promise.all(Array.from({ length: 200 }, increment));
    expect(log.get(key("a"))?.metadata.generation).toBe(200);
  });

  test("tells subscribers of each transaction in order, after it can be read", async () => {
    const told: (readonly [string, number, boolean])[] = [];
    using _ = log.subscribe((changes) => {
      for (const { key: at, revision, previous } of changes) told.push([at.name, revision, previous !== undefined]);
      expect(log.revision).toBeGreaterThanOrEqual(changes.at(-1)!.revision);
    });
    await put("a");
    await put("a");
    await log.transact((transaction) => transaction.remove(key("a")));
    expect(told).toEqual([
      ["a", 1, false],
      ["a", 2, true],
      ["a", 3, true],
    ]);
  });

  test("shares objects that nobody can change", async () => {
    const stored = await put("a", { labels: { x: "y" } });
    expect(() => Object.assign(stored.metadata.labels!, { x: "z" })).toThrow(TypeError);
  });

  test("removing what is not there changes nothing", async () => {
    await log.transact((transaction) => transaction.remove(key("a")));
    expect(log.revision).toBe(0);
  });
});

describe("history", () => {
  const summary = (changes: readonly Change[]): string[] =>
    changes.map(({ key: at, revision, object }) => `${revision}:${at.name}${object === undefined ? " removed" : ""}`);

  test("is kept over a restart, with what was there before", async () => {
    await put("a");
    await put("b");
    await log.transact((transaction) => transaction.remove(key("a")));
    await log[Symbol.asyncDispose]();
    log = open();
    expect(summary(log.changesSince(1))).toEqual(["2:b", "3:a removed"]);
    expect(log.changesSince(2)[0]?.previous?.metadata.name).toBe("a");
    expect(log.revision).toBe(3);
  });

  test("is compacted: who asks for what is gone must begin again, and every current object stays", async () => {
    await log[Symbol.asyncDispose]();
    log = open(10);
    for (let round = 0; round < 60; round++) await put(`p${round % 7}`, { generation: round });
    await put("kept-alone");
    await log.transact((transaction) => transaction.remove(key("p0")));
    expect(() => log.changesSince(1)).toThrow(expect.objectContaining({ code: "Expired" }) as Error);
    const before = log.list("pods");
    await log[Symbol.asyncDispose]();
    log = open(10);
    expect(log.list("pods")).toEqual(before);
    expect(names(before)).toEqual(["kept-alone", "p1", "p2", "p3", "p4", "p5", "p6"]);
    expect(() => log.changesSince(1)).toThrow(expect.objectContaining({ code: "Expired" }) as Error);
    expect(summary(log.changesSince(60))).toEqual(["61:kept-alone", "62:p0 removed"]);
  });

  test("of large objects is short, so that one that is written often fills neither memory nor disk", async () => {
    await log[Symbol.asyncDispose]();
    log = open(1000, 10_000);
    for (let round = 1; round <= 60; round++) await put("large", { annotations: { padding: "x".repeat(1000) } });
    expect(() => log.changesSince(40)).toThrow(expect.objectContaining({ code: "Expired" }) as Error);
    expect(summary(log.changesSince(57))).toEqual(["58:large", "59:large", "60:large"]);
    await put("larger", { annotations: { padding: "x".repeat(50_000) } });
    expect(summary(log.changesSince(60))).toEqual(["61:larger"]);
    expect(() => log.changesSince(59)).toThrow(expect.objectContaining({ code: "Expired" }) as Error);
    await log[Symbol.asyncDispose]();
    log = open(1000, 10_000);
    expect(names(log.list("pods"))).toEqual(["large", "larger"]);
    expect(summary(log.changesSince(60))).toEqual(["61:larger"]);
  });
});

test("a full disk ends nothing: what does not fit is refused, what is small goes on, and the rest does when there is room", async () => {
  const disk = join(place.root, "disk");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "strata-full", disk]);
  const full = openLmdbLog({ folder: join(disk, "log") });
  const write = async (name: string, length: number): Promise<unknown> =>
    await full.transact((transaction) => transaction.put(key(name), pod(name, { annotations: { padding: "x".repeat(length) } })));
  try {
    await write("first", 10);
    expect(() => writeFileSync(join(disk, "fill"), Buffer.alloc(8 << 20))).toThrow("ENOSPC");
    await write("small", 10);
    const refused = await Promise.allSettled(Array.from({ length: 20 }, async (_, at) => await write("large", 1_000_000 + at)));
    expect(refused.map(({ status }) => status)).toContain("rejected");
    for (let round = 0; round < 20; round++)
      await expect(write("huge", 3_000_000)).rejects.toThrow("Internal error occurred: cannot write objects: no space left on device");
    await full.transact((transaction) => transaction.remove(key("small")));
    unlinkSync(join(disk, "fill"));
    await write("after", 1_000_000);
    expect(names(full.list("pods"))).toEqual(expect.arrayContaining(["after", "first"]));
  } finally {
    await full[Symbol.asyncDispose]();
    execFileSync("umount", ["-l", disk]);
  }
});

/** Writes objects until it is killed, saying the revision of each that is acknowledged. */
const WRITER = `
const [, module, folder] = process.argv;
const log = (await import(module)).openLmdbLog({ folder });
async function write(lane) {
  for (let round = 1; ; round++) {
    const name = "pod-" + lane + "-" + round;
    const object = { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default" }, spec: { padding: "x".repeat(1000) } };
    const stored = await log.transact((transaction) => transaction.put({ resource: "pods", namespace: "default", name }, object));
    process.stdout.write(stored.metadata.resourceVersion + "\\n");
  }
}
await Promise.all([write(1), write(2), write(3)]);
`;

describe("ownership", () => {
  test("a second opener is refused while the first lives", () => {
    expect(() => open()).toThrow(expect.objectContaining({ code: "ServiceUnavailable" }) as Error);
  });

  test("kill -9 loses no write that was acknowledged, and the log opens again at once", async () => {
    await log[Symbol.asyncDispose]();
    const writer = spawn(process.execPath, ["--input-type=module", "-e", WRITER, join(projectRoot, "dist/orchestrator/log/lmdb-log.js"), place.root], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let acknowledged = 0;
    let rest = "";
    writer.stdout.on("data", (data: Buffer) => {
      const lines = (rest + data.toString()).split("\n");
      rest = lines.pop()!;
      acknowledged = Math.max(acknowledged, ...lines.map(Number));
      if (acknowledged > 500) writer.kill("SIGKILL");
    });
    await once(writer, "close");
    log = open();
    const found = log.list("pods").length;
    expect(acknowledged).toBeGreaterThan(500);
    expect(found).toBeGreaterThanOrEqual(acknowledged);
    expect(log.revision).toBe(found);
    expect((await put("after")).metadata.resourceVersion).toBe(String(found + 1));
  });
});
