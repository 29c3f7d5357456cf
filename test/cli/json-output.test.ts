/** Formats that verbs do not have. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

let root: TemporaryRoot;
beforeAll(() => void (root = temporaryRoot()));
afterAll(() => root[Symbol.dispose]());

test.each([
  ["images"],
  ["ps"],
  ["history", "x"],
  ["version"],
  ["info"],
  ["volume", "ls"],
  ["network", "ls"],
  ["system", "df"],
  ["builder", "du"],
  ["registry", "ls", "x"],
  ["registry", "tags", "x"],
  ["registry", "referrers", "x"],
  ["inspect", "x"],
])("%s %s takes -o json and no other", async (...verb) => {
  const { status, stdout, stderr } = await runStrata(root, [...verb.filter((word) => word !== undefined), "-o", "yaml"]);
  expect([status, stdout, stderr]).toEqual([2, "", expect.stringContaining('invalid argument "yaml" for "-o, --output" flag: Allowed choices are json.\n')]);
});
