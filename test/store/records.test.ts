import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import { projectRoot, temporaryRoot, treeTool } from "../support/root.ts";

test("a table keeps what was put, in bytewise order, apart from other tables", async () => {
  using place = temporaryRoot();
  const store = await openStore({ root: place.root, treeTool });
  const [a, b] = [store.table<{ n: number }>("test.a"), store.table<{ n: number }>("test.ab")];
  await Promise.all([a.put("é", { n: 3 }), a.put("x/1", { n: 1 }), a.put("x/2", { n: 2 }), b.put("x/1", { n: 9 })]);
  expect(a.get("x/1")).toEqual({ n: 1 });
  expect(a.get("absent")).toBeUndefined();
  expect(a.list().map(([key]) => key)).toEqual(["x/1", "x/2", "é"]);
  expect(a.list("x/").map(([, { n }]) => n)).toEqual([1, 2]);
  expect(b.list()).toEqual([["x/1", { n: 9 }]]);
  expect([await a.remove("x/1"), await a.remove("x/1")]).toEqual([true, false]);
  expect(await a.update("x/2", (current) => ({ n: (current?.n ?? 0) + 40 }))).toEqual({ n: 42 });
  expect(await a.update("x/2", () => undefined)).toBeUndefined();
  expect(a.get("x/2")).toBeUndefined();
  await store[Symbol.asyncDispose]();
});

test("a second store on the root opens in the middle of the first one's writes", async () => {
  using place = temporaryRoot();
  await using first = await openStore({ root: place.root, treeTool });
  const table = first.table<number>("test.counter");
  for (let round = 0; round < 20; round++) {
    const pending = Array.from({ length: 5 }, async () => await table.update("n", (n = 0) => n + 1));
    await Promise.race([pending[0], new Promise(setImmediate)]);
    await using second = await openStore({ root: place.root, treeTool });
    second.table("test.other").get("x");
    await Promise.all([...pending, second.table<number>("test.counter").update("n", (n = 0) => n + 1)]);
  }
  expect(table.get("n")).toBe(120);
});

test("a store that is opened while another of this process closes waits for nobody", async () => {
  using place = temporaryRoot();
  const first = await openStore({ root: place.root, treeTool });
  const written = first.table<number>("test.a").put("n", 1);
  const closed = first[Symbol.asyncDispose]();
  await using second = await openStore({ root: place.root, treeTool });
  await second.table<number>("test.a").put("m", 2);
  await Promise.all([written, closed]);
  expect(second.table<number>("test.a").list()).toEqual([
    ["m", 2],
    ["n", 1],
  ]);
});

/** Opens, counts and closes, again and again: whoever opens or closes must not disturb those who write, into the journal or, where they are many, the database. */
const COUNTER = `
import { openStore } from ${JSON.stringify(join(projectRoot, "dist/store/open.js"))};
for (let round = 0; round < 10; round++) {
  const store = await openStore({ root: process.argv[2], treeTool: process.argv[3] });
  const table = store.table("test.counter");
  for (let i = 0; i < 4 * round + 10; i++) await table.update("n", (n = 0) => n + 1);
  await store[Symbol.asyncDispose]();
}
`;

test("processes that open, update one record and close lose no update", async () => {
  using place = temporaryRoot();
  const script = join(place.root, "counter.mjs");
  writeFileSync(script, COUNTER);
  const children = [1, 2, 3].map(() => fork(script, [place.root, treeTool], { execArgv: [] }));
  const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0] as number));
  expect(codes).toEqual([0, 0, 0]);
  const store = await openStore({ root: place.root, treeTool });
  expect(store.table("test.counter").get("n")).toBe(840);
  await store[Symbol.asyncDispose]();
});
