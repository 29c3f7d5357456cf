/** strata export, and clients of containers that a signal is to end. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { strata, temporaryRoot } from "../support/root.ts";

vi.setConfig({ testTimeout: 180_000 });

let box: Box;
let files: ReturnType<typeof temporaryRoot>;
beforeAll(async () => {
  box = await openBox("sh true cat sleep");
  files = temporaryRoot();
}, 180_000);
afterAll(async () => {
  await box[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

/** Name and size of each entry. */
function listed(tar: string): ReadonlyMap<string, number> {
  const { status, stdout, stderr } = spawnSync("tar", ["--list", "--verbose", "--file", tar], { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(stderr);
  const rows = stdout
    .trim()
    .split("\n")
    .map((line) => /^\S+ \S+ +(\S+) \S+ \S+ (.*?)(?: -> .*)?$/.exec(line));
  return new Map(rows.map((row) => [(row?.[2] ?? "").replace(/\/$/, ""), Number(row?.[1])]));
}

test("a container that runs is exported without what is mounted in it, as one that does not", async () => {
  await box.strata(
    "run",
    "-d",
    "--name",
    "busy",
    "--network",
    "none",
    "-v",
    "data:/data",
    BOX_IMAGE,
    "sh",
    "-c",
    "echo mine > /mine; echo not > /data/file; sleep 1000",
  );
  await expect.poll(async () => (await box.attempt("exec", "busy", "cat", "/data/file")).stdout).toBe("not\n");
  const running = join(files.root, "..", "running.tar");
  await box.strata("export", "-o", running, "busy");
  const entries = listed(running);
  expect(entries.get("mine")).toBe(5);
  for (const empty of ["data", "proc", "sys", "dev"])
    expect([...entries.keys()].filter((name) => name === empty || name.startsWith(`${empty}/`))).toEqual([empty]);
  expect(entries.get("etc/hosts")).toBe(0);
  await box.strata("stop", "-t", "0", "busy");
  const stopped = join(files.root, "..", "stopped.tar");
  await box.strata("export", "-o", stopped, "busy");
  expect(listed(stopped).get("mine")).toBe(5);
  expect([...listed(stopped).keys()].filter((name) => name.startsWith("data"))).toEqual(["data"]);
});

test.each(["SIGINT", "SIGTERM"] as const)("%s ends a client that passes no signals on, and leaves the program", async (signal) => {
  const name = `left-${signal.toLowerCase()}`;
  await box.strata("run", "-d", "--name", name, "--network", "none", BOX_IMAGE, "sh", "-c", "while sleep 0.1; do echo x; done");
  const client = spawn(process.execPath, [strata, "attach", "--sig-proxy=false", name], { env: box.root.env, stdio: ["ignore", "pipe", "inherit"] });
  await once(client.stdout, "data");
  client.stdout.resume();
  client.kill(signal);
  expect(await once(client, "exit")).toEqual([signal === "SIGINT" ? 130 : 143, null]);
  await sleep(200);
  expect(await box.strata("inspect", "-f", "{{.State.Status}}", name)).toBe("running");
  await box.strata("rm", "-f", name);
});

test.each([
  { verb: "save", from: BOX_IMAGE },
  { verb: "export", from: "whole" },
])("$verb -o leaves the file as it was, and nothing half, when it cannot be finished", async ({ verb, from }) => {
  await box.attempt("create", "--name", "whole", "--network", "none", BOX_IMAGE, "true");
  const disk = join(files.root, "..", `disk-${verb}`);
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=128k", "strata-test-full", disk]);
  try {
    const file = join(disk, "out.tar");
    writeFileSync(file, "as before");
    const refused = await box.attempt(verb, "-o", file, from);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining(`Cannot write the result to ${file}: ENOSPC`) });
    expect((await box.attempt(verb, "-o", join(disk, "none/out.tar"), from)).stderr).toContain(`to ${join(disk, "none/out.tar")}: ENOENT`);
    expect([readdirSync(disk), readFileSync(file, "utf8")]).toEqual([["out.tar"], "as before"]);
  } finally {
    execFileSync("umount", ["-l", disk]);
  }
});

test.each([
  { verb: "save", from: BOX_IMAGE },
  { verb: "export", from: "whole" },
])("$verb -o writes a pipe as it is, and keeps the mode of a file and the link to it", async ({ verb, from }) => {
  await box.attempt("create", "--name", "whole", "--network", "none", BOX_IMAGE, "true");
  const folder = join(files.root, "..", `kinds-${verb}`);
  mkdirSync(folder);
  const [pipe, file, link] = ["pipe", "file", "link"].map((name) => join(folder, name)) as [string, string, string];
  execFileSync("mkfifo", [pipe]);
  writeFileSync(file, "", { mode: 0o600 });
  symlinkSync("file", link);
  await box.strata(verb, "-o", link, from);
  expect([statSync(file).mode & 0o777, lstatSync(link).isSymbolicLink(), readdirSync(folder).length]).toEqual([0o600, true, 3]);
  const read = once(spawn("sh", ["-c", `cat ${pipe} > ${file}.read`]), "exit");
  await expect.poll(async () => (await box.attempt(verb, "-o", pipe, from)).status).toBe(0);
  await read;
  expect([listed(`${file}.read`), lstatSync(pipe).isFIFO()]).toEqual([listed(file), true]);
});

test.each(["save", "export"])("%s -o that is interrupted leaves nothing", async (verb) => {
  const folder = join(files.root, "..", `cut-${verb}`);
  mkdirSync(join(folder, "out"), { recursive: true });
  writeFileSync(join(folder, "large"), "");
  truncateSync(join(folder, "large"), 100_000_000);
  execFileSync("tar", ["--create", "--file", join(folder, "large.tar"), "--directory", folder, "large"]);
  await box.strata("import", join(folder, "large.tar"), "large:1");
  await box.attempt("create", "--name", "large", "--network", "none", "large:1", "true");
  const out = join(folder, "out");
  const from = verb === "save" ? "large:1" : "large";
  const child = spawn(process.execPath, [strata, verb, "-o", join(out, "large.tar"), from], { env: box.root.env, stdio: "ignore" });
  const ended = once(child, "exit");
  await expect.poll(() => readdirSync(out).length > 0 || child.exitCode !== null, { interval: 1, timeout: 30_000 }).toBe(true);
  child.kill("SIGINT");
  const [status] = (await ended) as [number];
  expect([
    [0, ["large.tar"]], // it was quicker
    [130, []],
  ]).toContainEqual([status, readdirSync(out)]);
});
