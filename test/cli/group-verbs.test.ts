/** Verbs where docker has them too, and what is said of what is no verb. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { unknownVerb } from "../../cli/unknown-verb.ts";
import { runStrata, strataOutput } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

let root: TemporaryRoot;
let context: string;
beforeAll(() => {
  root = temporaryRoot();
  context = join(root.root, "../context");
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
});
afterAll(() => root[Symbol.dispose]());

test.each([["image"], ["builder"], ["buildx"]])("%s build", async (group) => {
  expect(await strataOutput(root, group, "build", "-q", context)).toMatch(/^sha256:/);
});

test.each(["pull", "push"])("image %s", async (verb) => {
  expect(await runStrata(root, ["image", verb, "--help"])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining(`Usage: strata image ${verb} [options] <name>`),
  });
});

test("image and builder list what they have of others too", async () => {
  expect(await strataOutput(root, "image", "--help")).toMatch(/^ {2}pull \[options\] <name>/m);
  expect(await strataOutput(root, "builder", "--help")).toMatch(/^ {2}build \[options\] <context>/m);
});

test.each([
  { name: "registery", says: "Did you mean 'registry'?" },
  { name: "biuld", says: "Did you mean 'build'?" },
  { name: "imags", says: "Did you mean 'image' or 'images'?" },
  { name: "manifest", says: "'strata registry manifest REFERENCE' prints one" },
  { name: "search", says: "'strata registry ls HOST' lists" },
])("$name is no verb", ({ name, says }) => expect(unknownVerb(name, ["build", "image", "images", "registry", "run"])).toContain(says));

test("what resembles nothing is no verb either", async () => {
  expect(unknownVerb("frobnicate", ["build"])).toBe("strata: 'frobnicate' is not a strata command\nSee 'strata --help'\n");
  expect(await runStrata(root, ["registery"])).toMatchObject({ status: 2, stderr: expect.stringContaining("Did you mean 'registry'?\n") });
});
