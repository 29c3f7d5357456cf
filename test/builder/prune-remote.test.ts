/** What URLs and repositories gave is kept to save time, but not for ever. */
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runStrata, strataOutput } from "../support/cli.ts";
import { temporaryRoot } from "../support/root.ts";

const LONG_AGO = new Date("2001-01-01");

test("system prune takes downloads and repositories that were not used for a month, and no others", async () => {
  using root = temporaryRoot();
  await strataOutput(root, "images");
  const place = (...names: readonly string[]): string => join(root.root, "builder", ...names);
  for (const folder of [
    ["downloads", "sha256"],
    ["git", "trees", "old"],
    ["git", "mirrors", "old"],
  ])
    mkdirSync(place(...folder), { recursive: true });
  const old = [place("downloads", "sha256", "old"), place("git", "trees", "old.used"), place("git", "mirrors", "old")];
  for (const path of old.slice(0, 2)) writeFileSync(path, "");
  for (const path of old) utimesSync(path, LONG_AGO, LONG_AGO);
  writeFileSync(place("downloads", "sha256", "young"), "");
  expect((await runStrata(root, ["system", "prune", "--force"])).status).toBe(0);
  expect([...old, place("git", "trees", "old")].filter((path) => existsSync(path))).toEqual([]);
  expect(existsSync(place("downloads", "sha256", "young"))).toBe(true);
});
