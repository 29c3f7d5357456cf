/** The journal of small transactions: what short commands write without opening the database. */
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, cpSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openRecords } from "../../store/records/records.ts";
import { stateOf } from "../../store/records/snapshot.ts";
import { openTable } from "../../store/records/table.ts";
import { projectRoot, temporaryRoot, type TemporaryRoot } from "../support/root.ts";

type Counter = ReturnType<typeof openTable<unknown>>;

let place: TemporaryRoot;
let journal: string;

async function withTable<T>(act: (table: Counter) => Promise<T>): Promise<T> {
  await using records = openRecords(place.root);
  return await act(openTable<unknown>(records, "test"));
}

/** More than one is allowed without the database. */
async function useDatabase(table: Counter): Promise<void> {
  for (let n = 0; n < 30; n++) await table.put("many", n);
}

beforeEach(async () => {
  place = temporaryRoot();
  journal = join(place.root, "journal");
  await withTable(async (table) => {
    await table.put("b", 1);
    await table.put("gone", 1);
  });
});

afterEach(() => place[Symbol.dispose]());

test("a write leaves the database alone, and all see it at once, in order", async () => {
  const before = stateOf(place.root);
  await withTable(async (reader) => {
    expect(reader.get("a")).toBeUndefined();
    await withTable(async (writer) => {
      await writer.put("é", { n: 3 });
      await writer.put("a", [undefined]);
      expect(await writer.update("b", (n) => Number(n) + 1)).toBe(2);
      expect([await writer.remove("gone"), await writer.remove("gone")]).toEqual([true, false]);
    });
    expect(reader.list()).toEqual([
      ["a", [null]],
      ["b", 2],
      ["é", { n: 3 }],
    ]);
  });
  expect(await withTable(async (table) => table.keys())).toEqual(["a", "b", "é"]);
  expect(stateOf(place.root)).toBe(before);
});

test("who opens the database takes the journal over", async () => {
  await withTable(async (table) => {
    await table.put("a", 1);
    await table.remove("gone");
  });
  await withTable(async (reader) => {
    expect(reader.get("a")).toBe(1);
    await withTable(useDatabase);
    expect(existsSync(journal)).toBe(false);
    expect(reader.list()).toEqual([
      ["a", 1],
      ["b", 1],
      ["many", 29],
    ]);
  });
});

test("while another has it open everything goes into the database", async () => {
  await using records = openRecords(place.root);
  await useDatabase(openTable<unknown>(records, "test"));
  const writer = fork(script("await table.put('c', 3)"), [place.root], { execArgv: [] });
  expect((await once(writer, "exit"))[0]).toBe(0);
  expect(existsSync(journal)).toBe(false);
  expect(openTable(records, "test").get("c")).toBe(3);
});

test("a line that somebody did not finish is none, and makes room for the next", async () => {
  await withTable(async (table) => await table.put("a", 1));
  appendFileSync(journal, '[["test/a",9],["te');
  await withTable(async (table) => {
    expect(table.get("a")).toBe(1);
    await table.put("c", 2);
  });
  expect(await withTable(async (table) => [table.get("a"), table.get("c")])).toEqual([1, 2]);
  expect(readFileSync(journal, "utf8")).not.toContain("9");
});

test("that of another state of the database means nothing", async () => {
  await withTable(async (table) => await table.put("a", 1));
  const old = readFileSync(journal);
  await withTable(async (table) => {
    await useDatabase(table);
    await table.put("a", 2);
  });
  writeFileSync(journal, old);
  expect(await withTable(async (table) => table.get("a"))).toBe(2);
  await withTable(async (table) => await table.put("c", 3));
  expect(await withTable(async (table) => [table.get("a"), table.get("c")])).toEqual([2, 3]);
  writeFileSync(journal, old);
  await withTable(useDatabase);
  expect(await withTable(async (table) => table.get("a"))).toBe(2);
});

test("it is written anew when it has become long, and goes into the database when that does not help", async () => {
  for (let round = 0; round < 40; round++)
    await withTable(async (table) => {
      await table.put(`key${round}`, "x".repeat(4000));
      await table.remove(`key${round}`);
    });
  expect(statSync(journal).size).toBeLessThan(40_000);
  const before = stateOf(place.root);
  for (let round = 0; round < 40; round++) await withTable(async (table) => await table.put(`key${round}`, "x".repeat(4000)));
  expect(await withTable(async (table) => table.keys("key"))).toHaveLength(40);
  expect(stateOf(place.root)).not.toBe(before);
});

function script(act: string): string {
  const path = join(place.root, `script-${act.length}.mjs`);
  const module = (name: string): string => JSON.stringify(join(projectRoot, `dist/store/records/${name}.js`));
  writeFileSync(
    path,
    `import { openRecords } from ${module("records")};\nimport { openTable } from ${module("table")};
const records = openRecords(process.argv[2]);\nconst table = openTable(records, "test");\n${act};\nawait records[Symbol.asyncDispose]();\n`,
  );
  return path;
}

test("writers that are killed lose nothing that they had told", async () => {
  const count = script(
    "for (;;) { const n = await table.update('n', (n = 0) => n + 1); process.send(n); if (n % 7 === 0) process.kill(process.pid, 'SIGKILL'); }",
  );
  let told = 0;
  for (let round = 0; round < 6; round++) {
    const children = [1, 2].map(() => fork(count, [place.root], { execArgv: [] }));
    for (const child of children) child.on("message", (n) => (told = Math.max(told, Number(n))));
    await Promise.race(children.map(async (child) => await once(child, "close")));
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map(async (child) => child.exitCode ?? child.signalCode ?? (await once(child, "close"))));
    expect(await withTable(async (table) => table.get("n"))).toBeGreaterThanOrEqual(told);
  }
  expect(told).toBeGreaterThan(0);
});

test("the copy of a root has what the journal holds", async () => {
  await withTable(async (table) => await table.put("b", 2));
  expect(existsSync(journal)).toBe(true);
  using copy = temporaryRoot();
  cpSync(place.root, copy.root, { recursive: true });
  await using records = openRecords(copy.root);
  const table = openTable<unknown>(records, "test");
  expect(table.get("b")).toBe(2);
  await useDatabase(table);
  expect(table.get("b")).toBe(2);
});

test.each(["\n", "{\n", "7\n[]\n", "\0\0\0\0", '"1-a"\n7\n{}\n'])("a journal that is %j is none", async (text) => {
  writeFileSync(journal, text);
  await withTable(async (table) => {
    expect(table.get("b")).toBe(1);
    await table.put("b", 2);
    await useDatabase(table);
  });
  expect(await withTable(async (table) => table.get("b"))).toBe(2);
});

test("lines that are no changes end the journal, and what comes next is kept", async () => {
  await withTable(async (table) => await table.put("b", 2));
  appendFileSync(journal, "7\n");
  await withTable(async (table) => {
    expect(table.get("b")).toBe(2);
    await table.put("a", 3);
  });
  expect(await withTable(async (table) => table.list())).toEqual([
    ["a", 3],
    ["b", 2],
    ["gone", 1],
  ]);
});

test("a write waits for a database that this process is closing", async () => {
  const first = openRecords(place.root);
  const table = openTable<unknown>(first, "test");
  await useDatabase(table);
  const second = openRecords(place.root);
  const ending = first[Symbol.asyncDispose]();
  await openTable<unknown>(second, "test").put("b", 5);
  await ending;
  expect(openTable<unknown>(second, "test").get("b")).toBe(5);
  await second[Symbol.asyncDispose]();
});

test.each([
  { left: 0, begins: false },
  { left: 1, begins: false },
  { left: 2, begins: true },
])("with $left descriptors left it is begun anew, or is as it was: $begins", ({ left, begins }) => {
  writeFileSync(journal, `"base"\n[["a",1]]\n`, { mode: 0o600 });
  const before = readFileSync(journal, "utf8");
  const script = `
    import { closeSync, openSync } from "node:fs";
    import { Journal } from ${JSON.stringify(join(projectRoot, "dist/store/records/journal.js"))};
    const journal = new Journal(${JSON.stringify(place.root)});
    journal.read();
    console.log(""); // its stream is open from here on
    const taken = [];
    try { for (;;) taken.push(openSync("/dev/null")); } catch {}
    for (let left = 0; left < ${left}; left++) closeSync(taken.pop());
    console.log(journal.begin("another", [["b", 3]]));`;
  const said = execFileSync("sh", ["-c", 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, script], { encoding: "utf8" });
  expect([said.trim(), readFileSync(journal, "utf8")]).toEqual([String(begins), begins ? `"another"\n[["b",3]]\n` : before]);
  expect(existsSync(`${journal}.new`)).toBe(false);
});
