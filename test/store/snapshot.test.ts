/** The records' snapshot: who only reads need not open the database, and never reads what is no longer so. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRecords } from "../../store/records/records.ts";
import { openTable } from "../../store/records/table.ts";
import { temporaryRoot } from "../support/root.ts";

async function withTable<T>(folder: string, act: (table: ReturnType<typeof openTable<unknown>>) => Promise<T>): Promise<T> {
  await using records = openRecords(folder);
  return await act(openTable<unknown>(records, "test"));
}

test("who had the database open leaves a snapshot, and the next reads the same from it", async () => {
  using place = temporaryRoot();
  const snapshot = join(place.root, "snapshot.json");
  await withTable(place.root, async (table) => await Promise.all([table.put("b", { n: 2 }), table.put("é", 3), table.put("a/1", 1)]));
  rmSync(snapshot);
  const all = await withTable(place.root, async (table) => table.list());
  expect(all).toEqual([
    ["a/1", 1],
    ["b", { n: 2 }],
    ["é", 3],
  ]);
  const text = readFileSync(snapshot, "utf8");
  writeFileSync(snapshot, text.replace('"n":2', '"n":22')); // to see where it is read from
  await withTable(place.root, async (table) => {
    expect(table.get("b")).toEqual({ n: 22 });
    expect(table.list("a/")).toEqual([["a/1", 1]]);
    expect(table.list().map(([key]) => key)).toEqual(["a/1", "b", "é"]);
  });
});

test("a write of anybody ends it at once, also for those who have read it", async () => {
  using place = temporaryRoot();
  await withTable(place.root, async (table) => await table.put("n", 1));
  await withTable(place.root, async (table) => table.get("n"));
  await withTable(place.root, async (reader) => {
    expect(reader.get("n")).toBe(1);
    await withTable(place.root, async (writer) => await writer.put("n", 2));
    expect(reader.get("n")).toBe(2);
  });
  expect(await withTable(place.root, async (table) => table.get("n"))).toBe(2);
});

test("an update reads the database, not the snapshot", async () => {
  using place = temporaryRoot();
  await withTable(place.root, async (table) => await table.put("n", 1));
  await withTable(place.root, async (table) => table.get("n"));
  await withTable(place.root, async (table) => {
    expect(table.get("n")).toBe(1);
    expect(await table.update("n", (n) => Number(n) + 1)).toBe(2);
    expect(table.get("n")).toBe(2);
  });
});

test.each([
  ["torn", '{"state":"'],
  ["of another database", '{"state":"1-1","records":[["test/n",9]]}'],
])("one that is %s is passed over, and replaced", async (_, text) => {
  using place = temporaryRoot();
  const snapshot = join(place.root, "snapshot.json");
  await withTable(place.root, async (table) => await table.put("n", 1));
  writeFileSync(snapshot, text);
  expect(await withTable(place.root, async (table) => table.get("n"))).toBe(1);
  expect(readFileSync(snapshot, "utf8")).toContain('["test/n",1]');
});

test("there is none of a database that is too large for one", async () => {
  using place = temporaryRoot();
  const snapshot = join(place.root, "snapshot.json");
  await withTable(place.root, async (table) => await table.put("n", 1));
  await withTable(place.root, async (table) => table.get("n"));
  expect(existsSync(snapshot)).toBe(true);
  await withTable(place.root, async (table) => await table.put("long", "x".repeat(1 << 20)));
  await withTable(place.root, async (table) => expect(table.get("n")).toBe(1));
  expect(existsSync(snapshot)).toBe(false);
});
