import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { removeTree } from "../../orchestrator/storage/remove-tree.ts";

describe("removing what containers wrote", () => {
  let folder: string;
  beforeAll(() => void (folder = mkdtempSync("/dev/shm/strata-test-tree-")));
  afterAll(() => void execFileSync("rm", ["-rf", folder]));

  test("follows no link, whatever it leads to, and takes names that are no text", async () => {
    mkdirSync(join(folder, "outside/kept"), { recursive: true });
    writeFileSync(join(folder, "outside/kept/word"), "");
    mkdirSync(join(folder, "tree/a/b"), { recursive: true });
    writeFileSync(Buffer.concat([Buffer.from(join(folder, "tree/a/")), Buffer.from([0xff, 0xfe])]), "");
    for (const from of ["tree/link", "tree/a/link", "tree/a/b/link"]) symlinkSync(join(folder, "outside"), join(folder, from));
    symlinkSync("tree", join(folder, "alias"));
    await removeTree(join(folder, "alias"));
    expect(readdirSync(folder).toSorted()).toEqual(["outside", "tree"]);
    await removeTree(join(folder, "tree"));
    await removeTree(join(folder, "tree"));
    expect(readdirSync(folder)).toEqual(["outside"]);
    expect(readdirSync(join(folder, "outside/kept"))).toEqual(["word"]);
  });

  test("takes trees that are deeper than any path may be long", async () => {
    mkdirSync(join(folder, "deep"));
    execFileSync("sh", [
      "-c",
      `cd ${folder}/deep && i=0; while [ $i -lt 300 ]; do mkdir ${"d".repeat(60)} && cd -P ${"d".repeat(60)} || exit 1; i=$((i+1)); done; : > end`,
    ]);
    await removeTree(join(folder, "deep"));
    expect(readdirSync(folder)).not.toContain("deep");
  });
});
