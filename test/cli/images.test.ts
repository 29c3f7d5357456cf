/** The image verbs as a user meets them: docker's words, tables, formats and exit codes. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import { runStrata, strataOutput } from "../support/cli.ts";
import { testImage, textFile } from "../support/image.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";

let place: TemporaryRoot;
let id: string;

beforeAll(async () => {
  place = temporaryRoot();
  const store = await openStore({ root: place.root, treeTool });
  id = (await testImage(store, { name: "team/tools:v1", programs: ["true"], files: [textFile("etc/motd", "hello\n")] })).id;
  await store[Symbol.asyncDispose]();
});

afterAll(() => {
  place[Symbol.dispose]();
});

const strata = async (...args: readonly string[]): Promise<string> => await strataOutput(place, ...args);
const short = (): string => id.slice(7, 19);

describe("images", () => {
  test("prints docker's table", async () => {
    const [title, row] = (await strata("images")).split("\n");
    expect(title).toMatch(/^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/);
    expect(row).toMatch(new RegExp(`^team/tools +v1 +${short()} +.* ago +[0-9.]+MB$`));
  });

  const outputs = [
    { args: ["-q"], output: () => short() },
    { args: ["-q", "--no-trunc"], output: () => id },
    { args: ["--format", "{{.Repository}}:{{.Tag}}"], output: () => "team/tools:v1" },
    { args: ["team/tools", "-q"], output: () => short() },
    { args: ["team/*:v1", "-q"], output: () => short() },
    { args: ["other", "-q"], output: () => "" },
    { args: ["-q", "--filter", "dangling=true"], output: () => "" },
    { args: ["-q", "--filter", "reference=team/tools:v1"], output: () => short() },
  ];
  test.each(outputs)("$args", async ({ args, output }) => {
    expect(await strata("images", ...args)).toBe(output());
  });

  test("-o json is one object a line", async () => {
    expect(JSON.parse(await strata("images", "-o", "json"))).toMatchObject({ Repository: "team/tools", Tag: "v1", ID: short() });
  });

  test("a wrong filter is wrong use", async () => {
    expect(await runStrata(place, ["images", "--filter", "colour=red"])).toMatchObject({ status: 2, stdout: "" });
  });
});

describe("image", () => {
  test("inspect shows docker's document and takes templates", async () => {
    const [found] = JSON.parse(await strata("image", "inspect", "team/tools:v1")) as [Record<string, unknown>];
    expect(found).toMatchObject({ Id: id, RepoTags: ["team/tools:v1"], Os: "linux", Config: { Cmd: ["/bin/sh"] }, RootFS: { Type: "layers" } });
    expect(await strata("image", "inspect", "-f", "{{.Id}} {{index .Config.Env 0}}", short())).toBe(`${id} PATH=/bin`);
    expect(await runStrata(place, ["image", "inspect", "absent"])).toMatchObject({
      status: 1,
      stdout: "[]\n",
      stderr: expect.stringContaining("absent") as string,
    });
  });

  test.each([
    { name: "what a build made at the fixed date", made: undefined, says: /^(?:Less than a|\d+) seconds? ago$|minute/ },
    { name: "what was made at a date of its own", made: "946684800", says: /^\d+ years ago$/ },
  ])("images and history tell the same age of $name", async ({ name, made, says }) => {
    using own = temporaryRoot();
    const context = join(own.runRoot, "dated");
    mkdirSync(context, { recursive: true });
    writeFileSync(join(context, "Dockerfile"), `FROM scratch\nLABEL of=${JSON.stringify(name)}\n`);
    const args = ["build", "-q", "-t", "dated", ...(made === undefined ? [] : ["--build-arg", `SOURCE_DATE_EPOCH=${made}`]), context];
    expect((await runStrata(own, args)).status).toBe(0);
    const [images, history] = [
      await strataOutput(own, "images", "--format", "{{.CreatedSince}}"),
      await strataOutput(own, "history", "--format", "{{.CreatedSince}}", "dated"),
    ];
    expect(images).toMatch(says);
    expect(history).toMatch(says);
  });

  test("history shows the newest step first", async () => {
    const [title, row] = (await strata("history", "team/tools:v1")).split("\n");
    expect(title).toMatch(/^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$/);
    expect(row).toMatch(new RegExp(`^${short()} +.* ago +test image +[0-9.]+MB`));
  });

  test("history has one row a step, whatever its command", async () => {
    using own = temporaryRoot();
    const context = join(own.runRoot, "lines");
    mkdirSync(context, { recursive: true });
    writeFileSync(join(context, "Dockerfile"), 'FROM scratch\nSHELL ["two\\nlines"]\n');
    await strataOutput(own, "build", "-q", "-t", "lines", context);
    expect((await strataOutput(own, "history", "--no-trunc", "lines")).split("\n").slice(1)).toEqual([expect.stringContaining("SHELL [two lines]")]);
  });

  test("files lists what the root holds, diff what layers bring", async () => {
    const files = (await strata("image", "files", "team/tools:v1")).split("\n");
    expect(files).toEqual(expect.arrayContaining(["/bin/true", "/etc/motd"]));
    expect(await strata("image", "files", "-l", "team/tools:v1", "/tmp")).toMatch(/^drwxrwxrwt 0:0 /);
    expect(await strata("image", "diff", "team/tools:v1")).toContain("  1 A       6B /etc/motd");
    expect(await strata("image", "diff", "team/tools:v1", "team/tools:v1")).toBe("");
    expect(await runStrata(place, ["image", "files", "team/tools:v1", "/nowhere"])).toMatchObject({ status: 1 });
  });

  test("import makes an image of a tar of any files", async () => {
    const file = join(place.runRoot, "files.tar");
    await strata("save", "-o", file, "team/tools:v1");
    const imported = await strata("image", "import", file, "imported:1");
    expect(await strata("images", "-q", "--no-trunc", "imported:1")).toBe(imported);
    expect((await strata("image", "files", "imported:1")).split("\n")).toContain("/oci-layout");
    expect(await strata("rmi", "imported:1")).toBe(`Untagged: imported:1\nDeleted: ${imported}`);
  });
});

test("an image is saved, removed and loaded back as it was", async () => {
  const file = join(place.runRoot, "saved.tar");
  await strata("tag", "team/tools:v1", "copy");
  await strata("save", "-o", file, "team/tools:v1", "copy");
  const again = join(place.runRoot, "again.tar");
  await strata("save", "-o", again, "team/tools:v1", "copy");
  expect(readFileSync(again).equals(readFileSync(file))).toBe(true);
  const conflict = await runStrata(place, ["rmi", short()]);
  expect(conflict).toMatchObject({ status: 1, stderr: expect.stringContaining("2 names") as string });
  expect(await strata("rmi", "copy")).toBe("Untagged: copy:latest");
  expect(await strata("rmi", short())).toBe(`Untagged: team/tools:v1\nDeleted: ${id}`);
  expect(await strata("images", "-q")).toBe("");
  expect((await strata("load", "-i", file)).split("\n")).toEqual(["Loaded image: team/tools:v1", "Loaded image: copy:latest"]);
  expect(await strata("images", "-q", "--no-trunc", "copy")).toBe(id);
  await strata("rmi", "copy");
  rmSync(file);
});

describe("system", () => {
  test("check finds everything whole", async () => {
    expect(await runStrata(place, ["system", "check"])).toMatchObject({ status: 0, stdout: "", stderr: "Everything is whole\n" });
  });

  test("df prints docker's table", async () => {
    const lines = (await strata("system", "df")).split("\n");
    expect(lines.map((line) => line.replaceAll(/ {2,}/g, "|").split("|")[0])).toEqual(["TYPE", "Images", "Containers", "Local Volumes", "Build Cache"]);
    expect(lines[1]).toMatch(/^Images +1 +0 +[0-9.]+MB +[0-9.]+MB \(100%\)$/);
  });

  test("prune asks, and removes what nothing needs when told so", async () => {
    expect(await runStrata(place, ["system", "prune"])).toMatchObject({ status: 2 });
    expect(await strata("system", "prune", "-f")).toMatch(/^Total reclaimed space: /);
    expect(await strata("images", "-q")).toBe(short());
    expect(await strata("system", "prune", "-af")).toContain(`deleted: ${id}`);
    expect(await strata("images", "-q")).toBe("");
  });
});

test("what is not there is refused with 1, and a hint of what was asked", async () => {
  for (const args of [
    ["rmi", "absent"],
    ["tag", "absent", "x"],
    ["history", "absent"],
    ["save", "-o", "/dev/null", "absent"],
  ]) {
    expect(await runStrata(place, args)).toMatchObject({ status: 1, stderr: expect.stringContaining("absent") as string });
  }
});
