import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createBase, gatherBase, type BaseRequest } from "../../builder/base/create.ts";
import { parseElf } from "../../builder/base/elf.ts";
import { findProgram } from "../../builder/base/find-program.ts";
import { parseNamedFile } from "../../builder/base/host-files.ts";
import { parseShebang } from "../../builder/base/host-file.ts";
import { handedOn, parseLoaderConfig, searchFolders } from "../../builder/base/library-search.ts";
import { group, passwd } from "../../builder/base/skeleton.ts";
import { BASE_EPOCH, Tree } from "../../builder/base/tree.ts";
import { openStore } from "../../store/open.ts";
import { runStrata, strataOutput } from "../support/cli.ts";
import { temporaryRoot, TEST_PREFIX, treeTool } from "../support/root.ts";
import { elfFile, type ElfShape } from "../support/elf-file.ts";

const request: BaseRequest = { programs: [], files: [], users: [], env: [], certificates: false, bare: false, searchPath: process.env["PATH"] ?? "" };

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join("/dev/shm", TEST_PREFIX));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function readAt(bytes: Uint8Array): (offset: number, length: number) => Uint8Array {
  return (offset, length) => bytes.subarray(offset, offset + length);
}

describe("ELF", () => {
  const shapes: readonly { name: string; shape: ElfShape }[] = [
    { name: "64 bits, little endian", shape: { wide: true, little: true } },
    { name: "64 bits, big endian", shape: { wide: true, little: false } },
    { name: "32 bits, little endian", shape: { wide: false, little: true } },
    { name: "32 bits, big endian", shape: { wide: false, little: false } },
  ];
  test.each(shapes)("reads interpreter, libraries and paths of $name", ({ shape }) => {
    const file = elfFile({
      ...shape,
      interpreter: "/lib/ld.so",
      needed: ["libb.so.2", "liba.so.1"],
      soname: "me.so",
      rpath: "/old:/older",
      runpath: "$ORIGIN/../lib:",
    });
    expect(parseElf(readAt(file))).toEqual({
      architecture: `${shape.wide === true ? 64 : 32}-${shape.little === true ? "le" : "be"}-62`,
      interpreter: "/lib/ld.so",
      needed: ["libb.so.2", "liba.so.1"],
      soname: "me.so",
      rpath: ["/old", "/older"],
      runpath: ["$ORIGIN/../lib"],
    });
  });
  test("a static program needs nothing", () => {
    expect(parseElf(readAt(elfFile({ wide: true, little: true })))).toMatchObject({ interpreter: undefined, needed: [] });
  });
  test.each([
    { name: "text", bytes: Buffer.from("#!/bin/sh\n") },
    { name: "an empty file", bytes: Buffer.alloc(0) },
    { name: "three bytes of the magic", bytes: Buffer.from([0x7f, 0x45, 0x4c]) },
  ])("$name is no ELF file", ({ bytes }) => {
    expect(parseElf(readAt(bytes))).toBeUndefined();
  });
  const whole = elfFile({ wide: true, little: true, interpreter: "/lib/ld.so", needed: ["liba.so.1"] });
  test.each([
    { name: "an unknown class", bytes: Buffer.from(whole).fill(3, 4, 5) },
    { name: "an unknown byte order", bytes: Buffer.from(whole).fill(0, 5, 6) },
    { name: "a file header cut short", bytes: whole.subarray(0, 40) },
    { name: "program headers behind the end", bytes: Buffer.from(whole).fill(0xff, 32, 36) },
    { name: "program headers at no possible place", bytes: Buffer.from(whole).fill(0xff, 32, 40) },
    { name: "a file cut in the middle of its names", bytes: whole.subarray(0, whole.length - 4) },
    { name: "program headers that are too small", bytes: Buffer.from(whole).fill(8, 54, 55) },
  ])("refuses $name", ({ bytes }) => {
    expect(() => parseElf(readAt(bytes))).toThrow(expect.objectContaining({ code: "ELF_INVALID" }));
  });
  test("any single damaged byte gives an answer or ELF_INVALID, never another error", () => {
    for (let at = 4; at < whole.length; at++) {
      for (const value of [0, 0x7f, 0xff]) {
        try {
          parseElf(readAt(Buffer.from(whole).fill(value, at, at + 1)));
        } catch (error) {
          expect(error).toMatchObject({ code: "ELF_INVALID" });
        }
      }
    }
  });
  test("reads this very node", () => {
    const elf = parseElf(readAt(readFileSync(process.execPath)));
    expect(elf?.interpreter).toMatch(/^\/lib/);
    expect(elf?.needed).toContain("libc.so.6");
  });
});

describe("library search", () => {
  const elf = { architecture: "", interpreter: undefined, needed: [], soname: undefined, rpath: ["$ORIGIN/r"], runpath: [] };
  const modern = { ...elf, runpath: ["${ORIGIN}/../u"] };
  test("an rpath comes first, then those of the loaders, then the system", () => {
    expect(searchFolders(elf, "/opt/x/lib/a.so", ["/inherited"], ["/lib"])).toEqual(["/opt/x/lib/r", "/inherited", "/lib"]);
  });
  test("a runpath puts every rpath out of force", () => {
    expect(searchFolders(modern, "/opt/x/lib/a.so", ["/inherited"], ["/lib"])).toEqual(["/opt/x/u", "/lib"]);
  });
  test("an rpath is handed on, a runpath is not", () => {
    expect([handedOn(elf, "/o/a", ["/i"]), handedOn(modern, "/o/a", ["/i"])]).toEqual([["/o/r", "/i"], ["/i"]]);
  });
  test("ld.so.conf has folders, includes and comments", () => {
    const text = "# all\ninclude ld.so.conf.d/*.conf\n/opt/a/lib /opt/b/lib # two\n\nhwcap 0 nosegneg\n";
    expect(parseLoaderConfig(text)).toEqual([
      { kind: "include", pattern: "ld.so.conf.d/*.conf" },
      { kind: "folder", path: "/opt/a/lib" },
      { kind: "folder", path: "/opt/b/lib" },
    ]);
  });
});

test.each([
  { name: "a plain interpreter", line: "#!/bin/sh -e\necho", expected: ["/bin/sh"] },
  { name: "a blank before the path", line: "#! /usr/bin/perl\n", expected: ["/usr/bin/perl"] },
  { name: "env", line: "#!/usr/bin/env node\n", expected: ["/usr/bin/env", "node"] },
  { name: "env with options", line: "#!/usr/bin/env -S A=1 python3 -u\n", expected: ["/usr/bin/env", "python3"] },
  { name: "no path", line: "#!sh\n", expected: undefined },
  { name: "no script", line: "echo\n", expected: undefined },
])("a script's first line: $name", ({ line, expected }) => {
  expect(parseShebang(Buffer.from(line))).toEqual(expected);
});

describe("tree", () => {
  test("places a file through a symlinked folder, and adds its parents", () => {
    const tree = new Tree();
    tree.directory("usr/bin");
    tree.symlink("bin", "usr/bin");
    tree.text("/bin/hi", "hi", { mode: 0o755 });
    expect(tree.entries().map(({ path, type }) => `${type} ${path}`)).toEqual(["symlink bin", "directory usr", "directory usr/bin", "file usr/bin/hi"]);
  });
  test("a folder over a link to a folder keeps the link", () => {
    const tree = new Tree();
    tree.symlink("lib", "usr/lib");
    tree.directory("lib");
    expect(tree.entries().find(({ path }) => path === "lib")?.type).toBe("symlink");
  });
  test("links in a circle are refused", () => {
    const tree = new Tree();
    tree.symlink("a", "b");
    tree.symlink("b", "a");
    expect(() => tree.text("a/file", "")).toThrow(expect.objectContaining({ code: "SOURCE_UNKNOWN" }));
  });
});

describe("gathering", () => {
  test("sh, ls and node come with loader and libraries under the names that this machine has", () => {
    const entries = gatherBase({ ...request, programs: ["sh", "ls", "node"] });
    const paths = new Set(entries.map((entry) => entry.path));
    for (const path of ["etc/passwd", "tmp", "usr/bin/ls", "usr/bin/sh"]) expect(paths).toContain(path);
    expect(entries.some((entry) => entry.path.endsWith("/libc.so.6") && entry.type === "file")).toBe(true);
    expect(entries.some((entry) => /ld-linux|ld-musl/.test(entry.path))).toBe(true);
    expect(entries.find((entry) => entry.path === "tmp")?.mode).toBe(0o1777);
    expect(entries.every((entry) => entry.mtime === BASE_EPOCH && entry.uid === 0)).toBe(true);
    expect(entries).toEqual(gatherBase({ ...request, programs: ["node", "ls", "sh"] }));
  });
  test("every entry's parent is a folder among the entries", () => {
    const entries = gatherBase({ ...request, programs: ["ps", "openssl"] });
    const folders = new Set(entries.filter((entry) => entry.type === "directory").map((entry) => entry.path));
    for (const { path } of entries) if (path.includes("/")) expect(folders).toContain(path.slice(0, path.lastIndexOf("/")));
  });
  test("a script brings its interpreter, and a program outside the system folders goes to /usr/local/bin", () => {
    writeFileSync(join(folder, "greet"), "#!/usr/bin/env sh\necho hello\n", { mode: 0o755 });
    const entries = gatherBase({ ...request, programs: ["greet"], searchPath: `${folder}:/usr/bin:/bin` });
    const paths = entries.map((entry) => entry.path);
    expect(paths).toEqual(expect.arrayContaining(["usr/local/bin/greet", "usr/bin/env"]));
    expect(paths.join()).not.toContain(TEST_PREFIX);
  });
  test("named files keep their bits, folders come whole, and bare means nothing else", () => {
    mkdirSync(join(folder, "app/sub"), { recursive: true });
    writeFileSync(join(folder, "app/sub/key"), "k", { mode: 0o600 });
    symlinkSync("sub/key", join(folder, "app/link"));
    const entries = gatherBase({ ...request, bare: true, files: [{ source: join(folder, "app"), destination: "/srv/app" }] });
    const own = entries.filter((entry) => entry.path.startsWith("srv"));
    expect(own.map(({ path, type, mode }) => `${path} ${type} ${mode.toString(8)}`)).toEqual([
      "srv directory 755",
      "srv/app directory 755",
      "srv/app/link symlink 777",
      "srv/app/sub directory 755",
      "srv/app/sub/key file 600",
    ]);
    expect(entries.some((entry) => entry.path === "etc/passwd")).toBe(false);
  });
  test("a program that is not there says where it was looked for", () => {
    expect(() => findProgram("no-such-program", "/opt/here")).toThrow(/^Cannot find the program no-such-program: it is in none of \/opt\/here, .*\/usr\/bin/);
  });
  test("a library that is not there names who needs it", () => {
    writeFileSync(join(folder, "lonely"), elfFile({ wide: true, little: true, needed: ["libnothing.so.9"] }), { mode: 0o755 });
    const gather = (): unknown => gatherBase({ ...request, programs: [join(folder, "lonely")] });
    expect(gather).toThrow(/^Cannot find the library libnothing\.so\.9 that .*lonely needs: it is in none of .*\/lib/);
    expect(gather).toThrow(expect.objectContaining({ code: "LIBRARY_UNKNOWN" }));
  });
  test("a library beside its program is found by $ORIGIN and goes into the loader's folder", () => {
    mkdirSync(join(folder, "priv"), { recursive: true });
    writeFileSync(join(folder, "priv/libmine.so"), elfFile({ wide: true, little: true, soname: "libmine.so" }), { mode: 0o644 });
    writeFileSync(join(folder, "tool"), elfFile({ wide: true, little: true, needed: ["libmine.so"], runpath: "$ORIGIN/priv" }), { mode: 0o755 });
    const paths = gatherBase({ ...request, programs: [join(folder, "tool")] }).map((entry) => entry.path);
    expect(paths).toContain("usr/local/bin/tool");
    expect(paths.some((path) => /^(usr\/)?lib.*\/libmine\.so$/.test(path))).toBe(true);
  });
});

describe("image", () => {
  test("the same programs give the same image on two roots, and its programs run in it", async () => {
    const ids: string[] = [];
    for (const programs of [
      ["sh", "ls", "node"],
      ["node", "sh", "ls"],
    ]) {
      using temporary = temporaryRoot();
      await using store = await openStore({ root: temporary.root, treeTool });
      const image = await createBase(store, { ...request, programs, users: [{ name: "app", uid: 1000 }] }, "local/base");
      ids.push(image.id);
      expect(image).toMatchObject({ name: "docker.io/local/base:latest", config: { os: "linux", config: { Cmd: ["sh"] } } });
      expect(image.config.history?.[0]?.created_by).toBe("strata base create --bin ls,node,sh --user app:1000");
      const [lower = ""] = await store.snapshots.lowers(image.chain);
      const said = execFileSync("chroot", [lower, "/bin/sh", "-c", "ls -d /home/* && node -p 6*7"], { env: { PATH: process.env["PATH"] }, encoding: "utf8" });
      expect(said).toBe("/home/app\n42\n");
    }
    expect(ids[0]).toBe(ids[1]);
  });
});

describe("strata base create", () => {
  test("prints name and id, as text, as JSON, and the id alone", async () => {
    using root = temporaryRoot();
    const line = await strataOutput(root, "base", "create", "local/tiny", "--bin", "sh,cat", "--bin", "ls", "--env", "A=b");
    expect(line).toMatch(/^local\/tiny:latest sha256:[0-9a-f]{64}$/);
    const id = line.split(" ")[1];
    expect(await strataOutput(root, "base", "create", "local/tiny", "--bin", "sh,cat,ls", "--env", "A=b", "-q")).toBe(id);
    expect(JSON.parse(await strataOutput(root, "base", "create", "local/tiny", "--bin", "ls,cat,sh", "--env", "A=b", "-o", "json"))).toEqual({
      name: "local/tiny:latest",
      id,
    });
  });
  test.each([
    { name: "nothing to put in", args: ["x"], status: 2, said: /nothing/ },
    { name: "a user without a number", args: ["x", "--bin", "sh", "--user", "app"], status: 2, said: /name:uid/ },
    { name: "a variable without a value", args: ["x", "--bin", "sh", "--env", "A"], status: 2, said: /KEY=VALUE/ },
    { name: "an unknown program", args: ["x", "--bin", "no-such-program"], status: 1, said: /is in none of .*\nInstall it/ },
    { name: "a bad name", args: ["UPPER CASE", "--bin", "sh"], status: 1, said: /image reference/ },
  ])("refuses $name", async ({ args, status, said }) => {
    using root = temporaryRoot();
    const outcome = await runStrata(root, ["base", "create", ...args]);
    expect(outcome.stderr).toMatch(said);
    expect(outcome.status).toBe(status);
  });
});

test("users stand in passwd and group between root and nobody", () => {
  const users = [{ name: "app", uid: 1000 }];
  expect(passwd(users, "/bin/sh").split("\n")[1]).toBe("app:x:1000:1000::/home/app:/bin/sh");
  expect(group(users)).toBe("root:x:0:\ntty:x:5:\napp:x:1000:\nnogroup:x:65534:\n");
});

test.each([
  { text: "/etc/app.conf", expected: { source: "/etc/app.conf", destination: "/etc/app.conf" } },
  { text: "here/app:/srv/app", expected: { source: "here/app", destination: "/srv/app" } },
  { text: "C:x:/y", expected: { source: "C:x", destination: "/y" } },
])("--file $text", ({ text, expected }) => {
  expect(parseNamedFile(text)).toEqual(expected);
});
test("--file with a relative path needs a destination", () => {
  expect(() => parseNamedFile("app")).toThrow(expect.objectContaining({ code: "SOURCE_UNKNOWN" }));
});
