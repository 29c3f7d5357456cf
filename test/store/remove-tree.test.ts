/** Trees that are deeper than any path may be long: a program makes them by one folder at a time, and they must go all the same. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeTree, removeTreeSync } from "../../store/remove-tree.ts";
import { temporaryFolder } from "../support/root.ts";

let place: string;

beforeEach(() => {
  place = temporaryFolder();
});

afterEach(() => removeTreeSync(place));

const DEEP = `i=0; while [ $i -lt 300 ]; do mkdir ${"d".repeat(200)}; cd -P ${"d".repeat(200)} || exit 1; touch file; i=$((i + 1)); done`;

const WAYS: readonly (readonly [name: string, remove: (path: string) => Promise<void>])[] = [
  ["at once", async (path) => await Promise.resolve(removeTreeSync(path))],
  ["later", removeTree],
];

test.each(WAYS)("removed %s", async (_, remove) => {
  const folder = join(place, "tree");
  mkdirSync(folder);
  execFileSync("bash", ["-c", DEEP], { cwd: folder });
  await remove(folder);
  expect(existsSync(folder)).toBe(false);
  await remove(folder); // what is not there is no failure
});
