/** The addons as they ship, and built with ASan and UBSan, in a node of their own: the first finding ends it. */
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { projectRoot, temporaryRoot } from "../support/root.ts";

const LIMIT_MS = 600_000;

beforeAll(() => {
  execFileSync(process.execPath, [join(projectRoot, "scripts/native-variants.mjs"), "sanitized"], { stdio: "inherit" });
}, 900_000);

/** The runtimes come before a node that was built without them. V8 has pages of its own, which leaks cannot be told from. */
function sanitizers(): NodeJS.ProcessEnv {
  const places = ["libasan.so", "libubsan.so"].map((name) => execFileSync("gcc", [`-print-file-name=${name}`], { encoding: "utf8" }).trim());
  return { LD_PRELOAD: places.join(" "), ASAN_OPTIONS: "detect_leaks=0:exitcode=99", UBSAN_OPTIONS: "exitcode=99" };
}

test.each([
  { build: "Release", env: () => ({}) },
  { build: "Sanitized", env: sanitizers },
])("$build: they do what they should, end as they should, refuse what is wrong, and serve one thread of Node", { timeout: LIMIT_MS }, ({ build, env }) => {
  using work = temporaryRoot();
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(projectRoot, "test/native/addons.cjs"), join(projectRoot, "build", build), work.root], {
    encoding: "utf8",
    env: { ...process.env, ...env() },
    timeout: LIMIT_MS - 10_000,
  });
  expect({ status, stdout, stderr }).toMatchObject({ status: 0, stdout: "done\n" });
});
