/** How the program starts: its own words, and flags that node would like to take for itself. */
import { execFile } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runStrata } from "../support/cli.ts";
import { strata, temporaryRoot, type TemporaryRoot } from "../support/root.ts";

const run = promisify(execFile);
let place: TemporaryRoot;

beforeAll(() => {
  place = temporaryRoot();
});

afterAll(() => {
  place[Symbol.dispose]();
});

test.each(["--version", "-v", "version"])("%s tells the version", async (word) => {
  expect(await runStrata(place, [word])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^strata version \d+\.\d+\.\d+\n$/) as string });
});

test("--env-file is ours, not node's", async () => {
  const file = join(place.root, "absent");
  const error = (await run(strata, ["run", "--env-file", file, "local/absent"], { env: place.env }).catch((thrown: unknown) => thrown)) as Record<
    string,
    unknown
  >;
  expect(error).toMatchObject({ code: 125, stderr: `strata: Cannot read ${file}: there is no such file\n` });
});

test("rm --force of what is not there is no failure, but does not claim to have removed it", async () => {
  expect(await runStrata(place, ["rm", "--force", "absent"])).toMatchObject({ status: 0, stdout: "", stderr: "strata: No such container: absent\n" });
});

test("apply of a file that is not there says so", async () => {
  expect(await runStrata(place, ["apply", "-f", join(place.root, "absent.yaml")])).toMatchObject({
    status: 1,
    stderr: `strata: Cannot read ${join(place.root, "absent.yaml")}: there is no such file or folder\n`,
  });
});

test.each(["run", "build", "deploy", "ps"])("%s --help does not tell that the default is nothing", async (verb) => {
  const { status, stdout } = await runStrata(place, [verb, "--help"]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Usage: strata /);
  expect(stdout.replaceAll(/\s+/g, " ")).not.toMatch(/default: (?:\[\]|false)/);
});

test("build --help tells the other defaults", async () => {
  expect((await runStrata(place, ["build", "--help"])).stdout).toContain('(default: "64m")');
});

test.each(["container-settle", "container-health"])("%s of a container whose root was removed does not make the root anew", async (verb) => {
  using gone = temporaryRoot();
  rmSync(gone.root, { recursive: true });
  expect(await runStrata(gone, [verb, "0123456789ab"])).toMatchObject({ status: 0, stderr: "" });
  expect(existsSync(gone.root)).toBe(false);
});
