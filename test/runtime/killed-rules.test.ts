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
  box = await openBox("sleep cat");
  store = await openStore({ root: box.root.root, treeTool });
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

async function appears(file: string): Promise<void> {
  await eventually(async () => await Promise.resolve(expect(existsSync(file)).toBe(true)));
}

/** Kills `strata ARGS` while its nft is at work, and waits for that. */
async function killedInRules(...args: readonly string[]): Promise<() => Promise<void>> {
  const folder = join(box.root.runRoot, args[0] ?? "");
  const [begun, done] = [join(folder, "begun"), join(folder, "done")];
  mkdirSync(folder, { recursive: true });
  const nft = execFileSync("sh", ["-c", "command -v nft"], { encoding: "utf8" }).trim();
  writeFileSync(join(folder, "nft"), `#!/bin/sh\n: > ${begun}\nsleep 2\n${nft} "$@"\n: > ${done}\n`);
  chmodSync(join(folder, "nft"), 0o755);
  const child = spawn(process.execPath, [strata, ...args], { env: { ...box.root.env, PATH: `${folder}:${process.env["PATH"]}` }, stdio: "ignore" });
  await appears(begun);
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  return async () => await appears(done);
}

test("the rules that a killed command was writing do not come after those of the next one", { timeout: 120_000 }, async () => {
  const written = await killedInRules("run", "-d", "--name", `${TEST_PREFIX}killed`, "-p", "127.0.0.1::80", BOX_IMAGE, "sleep", "300");
  const [id = ""] = (await box.strata("ps", "--all", "--quiet", "--no-trunc")).split("\n");
  await box.strata("rm", "--force", id);
  await written();
  expect(orphans(box.root, store, [id], [])).toEqual([]);
  await box.strata("network", "prune", "--force");
  expect(everythingLeft(box.root, store, [id])).toEqual([]);
});

test("a disconnect that was killed half-way is finished by the next command that looks", { timeout: 120_000 }, async () => {
  await box.strata("network", "create", "left");
  const id = await box.strata("run", "-d", "--network", "left", "-p", "127.0.0.1::80", BOX_IMAGE, "sleep", "300");
  expect(await box.strata("port", id)).toMatch(/^80\/tcp -> 127\.0\.0\.1:\d+$/);
  const written = await killedInRules("network", "disconnect", "left", id);
  expect(await box.strata("ps", "--format", "{{.Ports}}")).toBe("");
  await written();
  expect(await box.strata("exec", id, "cat", "/proc/net/dev")).not.toContain("eth0");
  expect(await box.strata("inspect", "--format", "{{json .NetworkSettings.Networks}}", id)).toBe("{}");
  expect((await box.attempt("network", "disconnect", "left", id)).stderr).toContain("it is not on network");
  expect(orphans(box.root, store, [id], [id])).toEqual([]);
  await box.strata("rm", "--force", id);
  await box.strata("network", "rm", "left");
  expect(everythingLeft(box.root, store, [id])).toEqual([]);
});
