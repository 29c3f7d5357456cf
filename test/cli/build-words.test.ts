/** Folders whose names are words of `build`, and outputs whose names are no UTF-8. */
import { execFileSync } from "node:child_process";
import { linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runStrata, strataOutput } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

let root: TemporaryRoot;
let folder: string;
beforeAll(() => {
  root = temporaryRoot();
  folder = join(dirname(root.root), "work");
  for (const name of ["history", "context"]) {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
  }
});
afterAll(() => root[Symbol.dispose]());

test.each(["history", "context"])("A folder called %s is built by its name", async (name) => {
  expect(await runStrata(root, ["build", "-q", name], { cwd: folder })).toMatchObject({ status: 0, stdout: expect.stringMatching(/^sha256:/) as string });
  expect(await runStrata(root, ["build", "-q", "--label", "a=b", name], { cwd: folder })).toMatchObject({ status: 0 });
});

test("Both words together are the verb", async () => {
  expect(await runStrata(root, ["build", "history", "ls", "-q"], { cwd: folder })).toMatchObject({ status: 0 });
  expect((await runStrata(root, ["build", "history", "--help"], { cwd: folder })).stdout).toMatch(/inspect.*\n.*logs/);
  expect((await runStrata(root, ["build", "--help"], { cwd: folder })).stdout).toMatch(/build history ls\|inspect\|logs\|rm/);
});

const bytes = (...parts: readonly (string | number)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.of(part))));

test("Names that are no UTF-8 come out as they went in, in a folder and in a tar", async () => {
  const context = join(folder, "stray");
  const inside = (...parts: readonly (string | number)[]): Buffer => bytes(`${context}/`, ...parts);
  mkdirSync(inside("d", 0xff), { recursive: true });
  writeFileSync(inside("d", 0xff, "/f", 0xfe, "g"), "content");
  linkSync(inside("d", 0xff, "/f", 0xfe, "g"), inside("d", 0xff, "/second", 0x80));
  symlinkSync(bytes("d", 0xff, "/f", 0xfe, "g"), inside("l", 0xe9));
  writeFileSync(join(context, "é"), "UTF-8");
  const out = join(folder, "out");
  mkdirSync(out);
  writeFileSync(bytes(`${out}/`, "old", 0xfd), "goes");
  const build = async (output: string): Promise<string> =>
    (await runStrata(root, ["build", "-q", "-o", output, "-f", "-", context], { input: "FROM scratch\nCOPY . /\n" })).stderr;
  for (let time = 0; time < 2; time++) expect(await build(`type=local,dest=${out},mode=delete`)).toBe("");
  const names = (place: string | Buffer): readonly string[] =>
    readdirSync(place, { encoding: "buffer" })
      .map((name) => name.toString("latin1"))
      .sort();
  expect(names(out)).toEqual(["d\xff", "l\xe9", Buffer.from("é").toString("latin1")].sort());
  expect(names(bytes(`${out}/`, "d", 0xff))).toEqual(["f\xfeg", "second\x80"]);
  expect(readFileSync(bytes(`${out}/`, "d", 0xff, "/f", 0xfe, "g"), "utf8")).toBe("content");
  expect(statSync(bytes(`${out}/`, "d", 0xff, "/second", 0x80)).nlink).toBe(2);
  expect(lstatSync(bytes(`${out}/`, "l", 0xe9)).isSymbolicLink()).toBe(true);
  expect(readlinkSync(bytes(`${out}/`, "l", 0xe9), "buffer").equals(bytes("d", 0xff, "/f", 0xfe, "g"))).toBe(true);
  const tar = join(folder, "out.tar");
  expect(await build(`type=tar,dest=${tar}`)).toBe("");
  const listed = execFileSync("tar", ["-tf", tar, "--quoting-style=literal"], { encoding: "latin1" }).trimEnd().split("\n");
  expect(listed.sort()).toEqual(["d\xff/", "d\xff/f\xfeg", "d\xff/second\x80", "l\xe9", Buffer.from("é").toString("latin1")].sort());
  expect(await strataOutput(root, "build", "history", "ls", "-q")).not.toBe("");
});
