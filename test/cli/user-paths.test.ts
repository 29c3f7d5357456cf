/** A path of the command line that is missing, or where nothing can be written: a refusal that names it. Any other is a bug, and stays one. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { report } from "../../cli/errors.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { runStrata, type Outcome } from "../support/cli.ts";
import { serveHttp } from "../support/http-server.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe("what the system says of a path", () => {
  const failure = (syscall: string, path: string, dest?: string): unknown =>
    Object.assign(new Error(`ENOENT: no such file or directory, ${syscall} '${path}'`), { code: "ENOENT", syscall, path, ...(dest !== undefined && { dest }) });
  test.each([
    { name: "a word", error: failure("open", "/no/x.tar"), words: ["import", "/no/x.tar"], says: "Cannot open /no/x.tar: no such file or directory" },
    { name: "a flag's value", error: failure("open", "no/x.tar"), words: ["save", "-o=no/x.tar"], says: "Cannot open no/x.tar: no such file or directory" },
    { name: "a place with a name", error: failure("open", "x.tar"), words: ["oci-archive:x.tar:v1"], says: "Cannot open x.tar: no such file or directory" },
    { name: "one of several", error: failure("mkdir", "/no/a"), words: ["type=local,dest=/no/a,x=1"], says: "Cannot mkdir /no/a: no such file or directory" },
    { name: "a file on its way to it", error: failure("open", "/no/x.12.part"), words: ["dir:/no/x"], says: "Cannot open /no/x: no such file or directory" },
    { name: "another spelling", error: failure("open", "/no/x"), words: ["/no/./x"], says: "Cannot open /no/x: no such file or directory" },
    { name: "where it goes", error: failure("rename", "/own/x", "/no/x"), words: ["/no/x"], says: "Cannot rename /no/x: no such file or directory" },
  ])("of $name is a refusal", ({ error, words, says }) => expect(report(error, 2, words)).toEqual({ status: 1, text: says }));

  test.each([
    { name: "nobody named", error: failure("open", "/own/x"), words: ["import", "/no/x"] },
    { name: "is below what was named", error: failure("open", "/root/db/x"), words: ["--root", "/root"] },
    { name: "is the start of what was named", error: failure("open", "/no"), words: ["/no/x"] },
    { name: "no call was made for", error: Object.assign(new Error("x"), { code: "ENOENT", path: "/no/x" }), words: ["/no/x"] },
  ])("that $name is a bug", ({ error, words }) => expect(report(error, 2, words)).toMatchObject({ status: 70 }));
});

describe("verbs", () => {
  let box: Box;
  let folder: string;
  beforeAll(async () => {
    box = await openBox("true");
    folder = join(box.root.root, "../place");
    mkdirSync(folder);
    await box.strata("create", "--name", "still", "--network", "none", BOX_IMAGE, "true");
  });
  afterAll(async () => await box[Symbol.asyncDispose]());
  const run = async (...args: readonly string[]): Promise<Outcome> => await runStrata(box.root, args, { cwd: folder });

  test.each([
    ["copy", "oci-archive:no/x.tar:v1", "dir:x"],
    ["copy", "docker-archive:no/x.tar", "dir:x"],
    ["copy", BOX_IMAGE, "oci-archive:no/x.tar"],
    ["import", "no/x.tar"],
    ["save", "-o", "no/x.tar", BOX_IMAGE],
    ["export", "-o", "no/x.tar", "still"],
  ])("%s %s %s", async (...args) => {
    const says = /^strata: Cannot (?:open|load|write the result to) no\/x\.tar: .*no such file[^\n]*\n$/;
    expect(await run(...args)).toMatchObject({ status: 1, stdout: "", stderr: expect.stringMatching(says) });
  });

  test("push asks for nothing when its digest cannot be written", async () => {
    await using server = await serveHttp((_, response) => response.end("{}"));
    const name = `127.0.0.1:${server.port}/app:v1`;
    await box.strata("tag", BOX_IMAGE, name);
    const { status, stderr } = await run("push", "--digestfile", "no/digest", name);
    expect([status, stderr]).toEqual([1, `strata: Cannot write no/digest: there is no folder ${join(folder, "no")}\n`]);
    expect(await run("push", "--digestfile", folder, name)).toMatchObject({ status: 1, stderr: `strata: Cannot write ${folder}: it is a folder\n` });
    expect(server.asked).toEqual([]);
  });

  test("run and create make no container whose id they cannot write, and leave no file without one", async () => {
    const says = "strata: failed to create the container ID file: open no/id: no such file or directory\n";
    const before = await box.strata("ps", "-aq");
    expect(await run("run", "-d", "--cidfile", "no/id", BOX_IMAGE, "true")).toMatchObject({ status: 127, stdout: "", stderr: says });
    expect(await run("create", "--cidfile", "no/id", BOX_IMAGE, "true")).toMatchObject({ status: 1, stdout: "", stderr: says });
    expect((await run("create", "--cidfile", "id", "--pull", "never", "no/image", "true")).status).not.toBe(0);
    expect([await box.strata("ps", "-aq"), existsSync(join(folder, "id"))]).toEqual([before, false]);
    const { stdout } = await run("create", "--cidfile", "id", "--network", "none", BOX_IMAGE, "true");
    expect(readFileSync(join(folder, "id"), "utf8")).toBe(stdout.trim());
    expect(await run("create", "--cidfile", "id", BOX_IMAGE, "true")).toMatchObject({ status: 1, stderr: expect.stringContaining("or delete id") });
  });

  test("cp makes no file of a folder that is missing, and a folder of a folder", async () => {
    const kept = readdirSync(folder);
    expect(await run("cp", "still:/bin/true", "./missing/")).toMatchObject({ status: 1, stderr: "strata: no such directory\n" });
    expect(readdirSync(folder)).toEqual(kept);
    writeFileSync(join(folder, "here"), "");
    expect(await run("cp", "still:/bin/true", "./here")).toMatchObject({ status: 0 });
    expect(await run("cp", "still:/usr/bin", "./made/")).toMatchObject({ status: 0 });
    expect(existsSync(join(folder, "made/true"))).toBe(true);
  });
});
