import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runStrata, strataOutput, type Outcome } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

let root: TemporaryRoot;
let context: string;

beforeAll(() => {
  root = temporaryRoot();
  context = join(root.root, "../context");
  mkdirSync(context);
  writeFileSync(join(context, "a"), "a");
});

afterAll(() => root[Symbol.dispose]());

function write(text: string, name = "Dockerfile"): string {
  const path = join(context, name);
  writeFileSync(path, text);
  return path;
}

async function build(...args: readonly string[]): Promise<Outcome> {
  return await runStrata(root, ["build", ...args, context]);
}

test("--check ends with 1 when something was found, shows where, and builds nothing", async () => {
  write("FROM scratch\nMAINTAINER me\nCOPY a /\n");
  const { status, stdout } = await build("--check");
  expect(status).toBe(1);
  expect(stdout).toContain("Check complete, 1 warning has been found!\n\nWARNING: MaintainerDeprecated\n");
  expect(stdout).toContain("Dockerfile:2\n--------------------\n   1 |     FROM scratch\n   2 | >>> MAINTAINER me\n");
  expect(stdout).toContain('Suggested fix: Write LABEL org.opencontainers.image.authors="me" (--check --fix does it)');
  expect(await strataOutput(root, "images", "--all", "--quiet")).toBe("");
  expect((await build("--call=check,ignorestatus")).status).toBe(0);
  write("FROM scratch\nRUN --security=insecure x\n");
  expect((await build("--check")).stderr).toContain("security.insecure is not allowed");
  expect(await build("--check", "--allow", "security.insecure")).toMatchObject({ status: 0 });
  write("FROM scratch\nCOPY a /\n");
  expect(await build("--check")).toMatchObject({ status: 0, stdout: "Check complete, no warnings found.\n" });
});

test("--check tells also why a build would fail", async () => {
  write("FROM scratch\nMAINTAINER me\nCOPY --from=later /a /\nFROM scratch AS later\n");
  const { status, stdout, stderr } = await build("--check");
  expect(status).toBe(1);
  expect(stdout).toContain("MaintainerDeprecated");
  expect(stderr).toContain("Cannot copy from stage later: it is defined later");
});

test("--call gives BuildKit's JSON", async () => {
  const text = "# release it is shipped\nFROM scratch AS release\nARG API_TOKEN\n";
  write(text);
  const data = Buffer.from(text).toString("base64");
  const [check, targets, outline] = await Promise.all(
    ["check", "targets", "outline"].map(async (name) => JSON.parse((await build(`--call=${name},format=json`)).stdout) as unknown),
  );
  expect(check).toMatchObject({
    warnings: [
      {
        ruleName: "SecretsUsedInArgOrEnv",
        detail: expect.stringContaining("API_TOKEN") as unknown,
        location: { ranges: [{ start: { line: 3 }, end: { line: 3 } }] },
      },
    ],
    sources: [{ filename: "Dockerfile", language: "Dockerfile", data }],
  });
  const location = { ranges: [{ start: { line: 2 }, end: { line: 2 } }] };
  expect(targets).toEqual({ targets: [{ name: "release", default: true, description: "it is shipped", base: "scratch", location }], sources: [data] });
  expect(outline).toMatchObject({ name: "release", description: "it is shipped", args: [{ name: "API_TOKEN" }], sources: [data] });
  expect((await build("--call=targets")).stdout).toBe("TARGET            DESCRIPTION\nrelease (default) it is shipped\n");
});

test("--check --fix mends the file in place and keeps its mode; again there is nothing to do", async () => {
  const path = write("\uFEFFfrom scratch As Final\r\nMAINTAINER me\r\nCOPY a \\\r\n\r\n  /a\r\nEXPOSE 80/UDP\r\n# end");
  chmodSync(path, 0o640);
  symlinkSync(path, join(context, "link"));
  const { status, stdout } = await build("--check", "--fix", "-f", join(context, "link"));
  expect(status).toBe(0);
  expect(stdout).toMatch(/:1: StageNameCasing: Stage name 'Final' should be lowercase\. Name it final: done\n/);
  expect(readFileSync(path, "utf8")).toBe(
    '\uFEFFFROM scratch AS final\r\nLABEL org.opencontainers.image.authors="me"\r\nCOPY a \\\r\n  /a\r\nEXPOSE 80/udp\r\n# end',
  );
  expect(statSync(path).mode & 0o7777).toBe(0o640);
  expect(readdirSync(context).filter((name) => name.startsWith("."))).toEqual([]);
  expect(await build("--check", "--fix")).toMatchObject({ status: 0, stdout: "Nothing to fix.\n" });
});

test("What is no file of UTF-8 is not fixed", async () => {
  const stdin = await runStrata(root, ["build", "--check", "--fix", "-f", "-", context], { input: "FROM scratch\nMAINTAINER me\n" });
  expect([stdin.status, stdin.stderr]).toEqual([2, expect.stringContaining("it is no file of this machine")]);
  const bytes = Buffer.from("FROM scratch\nMAINTAINER me\n# \xff\n", "latin1");
  writeFileSync(join(context, "latin"), bytes);
  const latin = await build("--check", "--fix", "-f", join(context, "latin"));
  expect([latin.status, latin.stderr]).toEqual([1, expect.stringContaining("it is not UTF-8")]);
  expect(readFileSync(join(context, "latin"))).toEqual(bytes);
});

test("A build shows its warnings, and check=error=true refuses it", async () => {
  write("FROM scratch\nCOPY a /\nCMD a b\n");
  const ordinary = await build();
  expect([ordinary.status, ordinary.stderr]).toEqual([
    0,
    expect.stringContaining("\n 1 warning found (use --check to expand):\n - JSONArgsRecommended: JSON arguments recommended for CMD"),
  ]);
  expect((await build("--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=all")).stderr).not.toContain("warning");
  write("# check=error=true\nFROM scratch\nCOPY a /\nCMD a b\n");
  const refused = await build();
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("lint violation found for rules: JSONArgsRecommended")]);
});

test.each([
  [["--fix"], /goes with --check/],
  [["--call=nonsense"], /expected build, check, outline or targets/],
  [["--check", "--call=targets"], /both --check and --call/],
])("Flags %j are refused", async (flags, message) => {
  const { status, stderr } = await build(...flags);
  expect(status).toBe(2);
  expect(stderr).toMatch(message);
});
