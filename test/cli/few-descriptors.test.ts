/** What a command does where descriptors run out, and where its output cannot be written. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { strata } from "../support/root.ts";

vi.setConfig({ testTimeout: 180_000 });

const LONGEST_MS = 60_000;

let box: Box;
beforeAll(async () => {
  box = await openBox("sh true");
}, 180_000);
afterAll(async () => await box[Symbol.asyncDispose]());

function shell(script: string) {
  const { status, signal, stderr } = spawnSync("sh", ["-c", script, process.execPath, strata], {
    env: box.root.env,
    encoding: "utf8",
    timeout: LONGEST_MS,
    killSignal: "SIGKILL",
  });
  return { status, signal, stderr };
}

test.each([27, 29, 31, 33])("run with %d descriptors ends by itself", async (count) => {
  await box.attempt("network", "prune", "-f"); // so that a bridge is to be made
  const { signal } = shell(`ulimit -n ${count}; exec "$0" "$1" run --rm ${BOX_IMAGE} true`);
  expect(signal).not.toBe("SIGKILL");
  await box.attempt("container", "prune", "-f");
});

test.each(["--help", "ps", "images"])("%s to a full device is refused in a line", (verb) => {
  const { status, stderr } = shell(`"$0" "$1" ${verb} > /dev/full`);
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^strata: Cannot write the output: .*ENOSPC.*\n$/)]);
});

test("--help ends quietly with its reader", () => {
  expect(shell('{ "$0" "$1" --help; echo "$?" >&2; } | true').stderr.trim()).toMatch(/^(?:141|0)$/);
});
