/** Images that nobody expects: accounts by the hundred thousand, volumes where a container has files of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Box, openBox } from "../support/box.ts";

vi.setConfig({ testTimeout: 180_000 });

const MANY = 150_000;

let box: Box;
let folder: string;
beforeAll(async () => {
  box = await openBox("sh cat ls id stat sleep");
  folder = mkdtempSync(join(tmpdir(), "strata-test-"));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await box[Symbol.asyncDispose]();
});

async function build(name: string, lines: readonly string[], files: Readonly<Record<string, string>> = {}): Promise<string> {
  const context = join(folder, name);
  mkdirSync(context);
  for (const [path, text] of Object.entries(files)) writeFileSync(join(context, path), text);
  writeFileSync(join(context, "Dockerfile"), ["FROM local/box", ...lines, ""].join("\n"));
  await box.strata("build", "--quiet", "--tag", `local/${name}`, context);
  return `local/${name}`;
}

describe("accounts", () => {
  const numbers = Array.from({ length: MANY }, (_, index) => index + 1);
  const passwd = numbers.map((id) => `user${id}:x:${id}:${id}:one of very many:/home/user${id}:/bin/sh\n`).join("");
  const group = numbers.map((id) => `group${id}:x:${id}:user${id},user${MANY}\n`.repeat(id === MANY || id <= 3 ? 1 : 0) || `group${id}:x:${id}:\n`).join("");

  test("of many megabytes are looked up, in run and exec", async () => {
    expect(passwd.length).toBeGreaterThan(4 << 20);
    const image = await build("crowded", ["COPY passwd group /etc/"], { passwd, group });
    expect(await box.strata("run", "--rm", "--network", "none", "-u", `user${MANY}`, image, "sh", "-c", "id -u; id -G")).toBe(`${MANY}\n${MANY} 1 2 3`);
    const id = await box.strata("run", "-d", "--network", "none", image, "sleep", "600");
    expect(await box.strata("exec", "-u", "user149999:group7", id, "sh", "-c", "id -u; id -G")).toBe("149999\n7");
    await box.strata("rm", "-f", id);
  });

  test("in a line without end are refused", async () => {
    const image = await build("endless", ["COPY passwd /etc/"], { passwd: `root:x:0:0:${"x".repeat(2 << 20)}` });
    expect(await box.attempt("run", "--rm", "--network", "none", image, "id")).toMatchObject({
      status: 125,
      stderr: expect.stringMatching(/Cannot read \/etc\/passwd: it has a line longer than 1048576 bytes/) as string,
    });
  });
});

describe("a container's own files give way to what is mounted there", () => {
  const run = async (...words: readonly string[]): Promise<string> => await box.strata("run", "--rm", "--network", "none", ...words);

  test.each(["/etc/mtab", "/.dockerenv", "/etc/mtab/below"])("VOLUME %s", async (path) => {
    const image = await build(`volume-${path.replaceAll(/[/.]/g, "")}`, [`VOLUME ${path}`]);
    expect(await run(image, "stat", "-c", "%F", path)).toBe("directory");
  });

  test("a bind and a volume", async () => {
    const file = join(folder, "bound");
    writeFileSync(file, "bound\n");
    for (const path of ["/.dockerenv", "/etc/mtab"]) {
      expect(await run("-v", `${file}:${path}`, "local/box", "cat", path)).toBe("bound");
      expect(await run("-v", `${folder}:${path}:ro`, "local/box", "ls", path)).toContain("bound");
    }
    expect(await run("local/box", "ls", "-a", "/", "/etc")).toMatch(/\.dockerenv[^]*mtab/);
  });
});
