/** What ends a question at the terminal other than an answer. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/cluster.ts";
import { strata, temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { openTerminal, type Terminal } from "../support/terminal.ts";

let root: TemporaryRoot;
beforeAll(() => void (root = temporaryRoot()));
afterAll(() => root[Symbol.dispose]());

async function shows(terminal: Terminal, text: string | RegExp): Promise<void> {
  await eventually(async () => await Promise.resolve(expect(terminal.screen()).toMatch(text)), 30_000);
}

const NAME = { asks: "Username:", keys: ["bob", "Enter"] };
const PASSWORD = { asks: "Password:", keys: [] };
test.each([
  { verb: "login 127.0.0.1:1", steps: [NAME], key: "C-c", says: "", status: 130 },
  { verb: "login 127.0.0.1:1", steps: [NAME, PASSWORD], key: "C-c", says: "", status: 130 },
  { verb: "login 127.0.0.1:1", steps: [NAME], key: "C-d", says: "strata: Cannot log in to 127.0.0.1:1: no user name was given", status: 1 },
  { verb: "login 127.0.0.1:1", steps: [NAME, PASSWORD], key: "C-d", says: "strata: Cannot log in to 127.0.0.1:1: no password was given", status: 1 },
  { verb: "system prune", steps: [{ asks: "[y/N]", keys: [] }], key: "C-c", says: "", status: 130 },
  { verb: "system prune", steps: [{ asks: "[y/N]", keys: [] }], key: "C-d", says: "", status: 0 },
  { verb: "volume prune", steps: [{ asks: "[y/N]", keys: [] }], key: "C-d", says: "", status: 0 },
])("$key at question $steps.length of $verb ends it with $status", async ({ verb, steps, key, says, status }) => {
  using terminal = openTerminal(`${process.execPath} ${strata} ${verb}`, { columns: 100, rows: 12, env: root.env });
  for (const [at, { asks, keys }] of steps.entries()) {
    await eventually(async () => await Promise.resolve(expect(terminal.screen()).toContain(asks)), 30_000);
    if (at < steps.length - 1) terminal.type(...keys);
  }
  terminal.type(key);
  await shows(terminal, `ended with ${status}`);
  const after = terminal.screen().split(steps.at(-1)!.asks)[1]!.split("\n");
  expect(after.filter((line) => line !== "").map((line) => line.trim())).toEqual([...(says === "" ? [] : [says]), `ended with ${status}`]);
});
