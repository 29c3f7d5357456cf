import { chmodSync, chownSync, lchownSync, lstatSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLab, type Files } from "../lab.ts";
import type { ContextMode } from "../../../builder/context/context-mode.ts";

const TREE: Files = { a: "A", "bin/run": { text: "#!", mode: 0o777 }, "bin/deep/b": "B", link: "link:a" };
const BUILD = "FROM scratch\nCOPY . /n/\nCOPY --chmod=o-r bin /m/\nCOPY --parents bin/deep /p/\n";

/** As git would make it under this umask, by another user, at another time. */
function checkOut(folder: string, umask: number, owner: number): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (lstatSync(path).isSymbolicLink()) lchownSync(path, owner, owner);
    else {
      chownSync(path, owner, owner);
      chmodSync(path, (entry.isDirectory() || entry.name === "run" ? 0o777 : 0o666) & ~umask);
      utimesSync(path, 1_700_000_000 + owner, 1_700_000_000 + owner);
    }
  }
  chmodSync(folder, 0o777 & ~umask);
}

/** rule, umasks, whether the second checkout hits */
const rows: readonly (readonly [ContextMode, number, number, boolean])[] = [
  ["portable", 0o022, 0o002, true],
  ["portable", 0o027, 0o007, true],
  ["portable", 0o022, 0o077, false],
  ["git", 0o022, 0o077, true],
  ["git", 0o002, 0o027, true],
  ["git", 0o022, 0o000, true],
  ["keep", 0o022, 0o022, true],
  ["keep", 0o022, 0o002, false],
];

test.each(rows)("With %s, checkouts of umask %o and %o and of other owners: same image and a hit is %s", async (contextModes, first, second, isSame) => {
  await using lab = await openLab();
  const [one, two] = [lab.context(TREE, "one"), lab.context(TREE, "two")];
  checkOut(one, first, 0);
  checkOut(two, second, 1234);
  const before = await lab.build(BUILD, { context: one, contextModes });
  const after = await lab.build(BUILD, { context: two, contextModes });
  expect([...after.steps.values()].every((text) => text.startsWith("hit"))).toBe(isSame);
  expect(after.result.id === before.result.id).toBe(isSame);
});

test("Without a cache both checkouts give the same digest, small ones and wide ones", async () => {
  const wide = Object.fromEntries(Array.from({ length: 800 }, (_, at) => [`w/${at}`, String(at)]));
  const ids = new Set<string>();
  for (const umask of [0o022, 0o002]) {
    await using lab = await openLab();
    const folder = lab.context({ ...TREE, ...wide });
    checkOut(folder, umask, umask);
    ids.add((await lab.build(BUILD)).result.id);
  }
  expect(ids.size).toBe(1);
});

test("The rule is never a way round a mode that somebody chose: private stays private, what all may write stays so", async () => {
  await using lab = await openLab();
  lab.context({ key: { text: "K", mode: 0o600 }, group: { text: "G", mode: 0o640 }, open: { text: "O", mode: 0o666 }, id: { text: "I", mode: 0o4775 } });
  const { files } = await lab.build("FROM scratch\nCOPY . /\n");
  expect(files).toEqual({ group: "file 640 0:0 G", id: "file 4755 0:0 I", key: "file 600 0:0 K", open: "file 666 0:0 O" });
  expect((await lab.build("FROM scratch\nCOPY id /\n", { contextModes: "keep" })).files).toEqual({ id: "file 4775 0:0 I" });
});
