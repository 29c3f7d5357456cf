/** What a name costs that the password file does not have: nothing about it may tell. */
import { expect, test } from "vitest";
import { openStandIns } from "../../registry/server/stand-in.ts";

const NAMES = Array.from({ length: 2_000 }, (_, at) => `name${at}`);
const hash = (cost: string, salt: string): string => `$2y$${cost}$${salt.padEnd(53, ".")}`;
const file = (...costs: readonly string[]): readonly string[] => costs.map((cost, at) => hash(cost, `user${at}`));
const costs = (hashes: readonly string[]): readonly string[] => NAMES.map(openStandIns(hashes)).map((text) => text.slice(4, 6));
const share = (found: readonly string[], cost: string): number => found.filter((one) => one === cost).length / found.length;

test.each([
  { name: "none", hashes: [], want: { "10": 1 } },
  { name: "one", hashes: file("12"), want: { "12": 1 } },
  { name: "two alike", hashes: file("05", "10", "05", "10"), want: { "05": 0.5, "10": 0.5 } },
  { name: "one of few", hashes: file("05", "05", "05", "05", "05", "05", "05", "05", "05", "12"), want: { "05": 0.9, "12": 0.1 } },
])("a file of $name: names that it lacks have its costs as often", ({ hashes, want }) => {
  const found = costs(hashes);
  for (const [cost, part] of Object.entries(want)) expect(Math.abs(share(found, cost) - part)).toBeLessThan(0.04);
});

test("a name has its cost for good, in a file with more users nearly every one", () => {
  const before = file("05", "12", "05", "12", "05", "12", "05", "12", "05", "12");
  const [first, again, more] = [costs(before), costs(before), costs([...before, hash("12", "more")])];
  expect(again).toEqual(first);
  expect(first.filter((cost, at) => cost !== more[at]).length / NAMES.length).toBeLessThan(0.1);
});

test("another file gives other names the same costs", () => {
  const [one, other] = [costs(file("05", "12")), costs(file("05", "12").map((text) => text.replace("user", "else")))];
  expect(one.filter((cost, at) => cost !== other[at]).length / NAMES.length).toBeGreaterThan(0.3);
});

test("it is the hash of nobody", () => {
  const hashes = file("05", "12");
  for (const name of NAMES) expect(hashes.map((text) => text.slice(7))).not.toContain(openStandIns(hashes)(name).slice(7));
});
