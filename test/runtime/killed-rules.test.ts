/** Who is killed while nft writes rules: it goes on without him, so nobody else may write any before it is done. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";
import { strata, TEST_PREFIX, treeTool } from "../support/root.ts";
import { everythingLeft, orphans } from "./nothing-left.ts";

let box: Box;
let store: Store;
beforeAll(async () => {
  box = await openBox("sleep");
  store = await openStore({ root: box.root.root, treeTool });
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

async function appears(file: string): Promise<void> {
  await eventually(async () => await Promise.resolve(expect(existsSync(file)).toBe(true)));
}

test("the rules that a killed command was writing do not come after those of the next one", { timeout: 120_000 }, async () => {
  const folder = join(box.root.runRoot, "slow");
  const [begun, done] = [join(folder, "begun"), join(folder, "done")];
  mkdirSync(folder, { recursive: true });
  const nft = execFileSync("sh", ["-c", "command -v nft"], { encoding: "utf8" }).trim();
  writeFileSync(join(folder, "nft"), `#!/bin/sh\n: > ${begun}\nsleep 2\n${nft} "$@"\n: > ${done}\n`);
  chmodSync(join(folder, "nft"), 0o755);
  const args = ["run", "-d", "--name", `${TEST_PREFIX}killed`, "-p", "127.0.0.1::80", BOX_IMAGE, "sleep", "300"];
  const child = spawn(process.execPath, [strata, ...args], { env: { ...box.root.env, PATH: `${folder}:${process.env["PATH"]}` }, stdio: "ignore" });
  await appears(begun);
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  const [id = ""] = (await box.strata("ps", "--all", "--quiet", "--no-trunc")).split("\n");
  await box.strata("rm", "--force", id);
  await appears(done);
  expect(orphans(box.root, store, [id], [])).toEqual([]);
  await box.strata("network", "prune", "--force");
  expect(everythingLeft(box.root, store, [id])).toEqual([]);
});
