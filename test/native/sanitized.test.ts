/**
 * The main tests of the native programs once more, on a build of them with ASan and UBSan, where the first finding ends the program.
 * Other files by hand: `npm run native:sanitized && STRATA_TEST_NATIVES=build/Sanitized npx vitest run FILE`.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { projectRoot } from "../support/root.ts";

const natives = join(projectRoot, "build/Sanitized");

beforeAll(() => {
  const { status } = spawnSync(process.execPath, [join(projectRoot, "scripts/native-variants.mjs"), "sanitized"], { stdio: "inherit" });
  expect(status).toBe(0);
}, 900_000);

test("it is the sanitized programs that are tested, and a finding ends them", () => {
  const { status, stderr } = spawnSync(join(natives, "strata-helper"), ["launch", "0", "sealed"], { encoding: "utf8", env: { ASAN_OPTIONS: "help=1" } });
  expect([status, stderr.includes("AddressSanitizer")]).toEqual([125, true]);
});

test.each(["process-setup", "process-identity", "process-streams", "process-user-namespace"])("runtime/%s", { timeout: 900_000 }, (name) => {
  const vitest = join(projectRoot, "node_modules/vitest/vitest.mjs");
  const { status, stdout } = spawnSync(process.execPath, [vitest, "run", "--reporter=dot", `test/runtime/${name}.test.ts`], {
    cwd: projectRoot,
    encoding: "utf8",
    env: { ...process.env, STRATA_TEST_NATIVES: natives, VITEST: undefined, VITEST_POOL_ID: undefined, VITEST_WORKER_ID: undefined },
  });
  expect([status, stdout]).toEqual([0, expect.stringMatching(/Tests .*\d+ passed/)]);
});
