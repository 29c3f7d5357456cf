/** Node's large modules cost a short command a tenth of its time each, so those that say nothing load none of them. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { strata, temporaryRoot, type TemporaryRoot } from "../support/root.ts";

const LARGE = ["stream", "child_process", "crypto", "net", "os", "fs/promises", "worker_threads", "zlib", "internal/abort_controller"];
const IMAGE = "local/short";

let place: TemporaryRoot;
let container: string;

beforeAll(async () => {
  place = temporaryRoot();
  await strataOutput(place, "base", "create", IMAGE, "--bin", "sleep,true");
  container = await strataOutput(place, "run", "--detach", "--network", "host", IMAGE, "sleep", "300");
});
afterAll(async () => {
  await strataOutput(place, "rm", "--force", container);
  place[Symbol.dispose]();
});

/** Of Node's, by name, when it ended. */
function loadedBy(...args: readonly string[]): readonly string[] {
  const [preload, list] = [join(place.runRoot, "preload.cjs"), join(place.runRoot, "loaded")];
  const tell = `require("node:fs").writeFileSync(${JSON.stringify(list)}, process.moduleLoadList.join("\\n"))`;
  writeFileSync(preload, `process.on("exit", () => ${tell})`);
  execFileSync(process.execPath, ["--require", preload, "--", strata, ...args], { env: place.env });
  return readFileSync(list, "utf8")
    .split("\n")
    .map((name) => name.replace("NativeModule ", ""));
}

test.each([
  { name: "run", args: () => ["run", "--rm", "--network", "none", IMAGE, "true"] },
  { name: "exec", args: () => ["exec", container, "true"] },
  { name: "tag", args: () => ["tag", IMAGE, `${IMAGE}:again`] },
])("$name", ({ args }) => {
  expect(loadedBy(...args()).filter((name) => LARGE.includes(name))).toEqual([]);
});
