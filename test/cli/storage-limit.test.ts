/** --storage-opt size: a container's files end at the bound, are the same to every verb, and no end of any process leaves a mount or a device. */
import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { storageLimitOf } from "../../cli/containers/storage-opt.ts";
import { reasonAgainst } from "../../runtime/engine/storage-limit.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";
import { random } from "../support/random.ts";
import { strata } from "../support/root.ts";

vi.setConfig({ testTimeout: 180_000 });

const MIB = 1 << 20;
const FILL = "dd if=/dev/zero of=/big bs=1M count=32; echo ended $?";

let box: Box;
beforeAll(async () => {
  box = await openBox("sh sleep cat dd rm true ls chown");
}, 180_000);
afterAll(async () => await box[Symbol.asyncDispose]());

/** Of this root's disks. */
function devices(): readonly string[] {
  const files = readdirSync("/sys/block").map((name) => `/sys/block/${name}/loop/backing_file`);
  return files.map(textOf).filter((path) => path.startsWith(box.root.root));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return ""; // it has none, or not any more
  }
}

async function nothingHeld(): Promise<void> {
  const mounted = (): readonly string[] =>
    textOf("/proc/self/mountinfo")
      .split("\n")
      .filter((line) => line.includes(box.root.root) && line.includes("/mounted "));
  await eventually(async () => await Promise.resolve(expect([devices(), mounted()]).toEqual([[], []])));
}

test("a program that writes more is told that nothing is left, and what it wrote stays", async () => {
  const { stdout, stderr } = await box.attempt("run", "--name", "full", "--storage-opt", "size=20M", BOX_IMAGE, "sh", "-c", FILL);
  expect(stderr).toContain("No space left on device");
  expect(stdout).toBe("ended 1\n");
  await nothingHeld();
  const bytes = Number(await countOf("full"));
  expect(bytes).toBeGreaterThan(14 * MIB);
  expect(bytes).toBeLessThan(20 * MIB);
  expect(await box.strata("diff", "full")).toBe("A /big");
  expect(await box.strata("inspect", "-f", "{{.HostConfig.StorageOpt.size}}", "full")).toBe("20M");
  const [, written = ""] = /^([\d.]+)MB /.exec(await box.strata("ps", "-as", "--filter", "name=full", "--format", "{{.Size}}")) ?? [];
  expect(Number(written)).toBeGreaterThan(14);
  await box.strata("rm", "full");
});

/** Of /big, from outside. */
async function countOf(name: string): Promise<string> {
  const { stdout } = await box.attempt("cp", `${name}:/big`, "-");
  return String(Number.parseInt(Buffer.from(stdout, "latin1").subarray(124, 135).toString(), 8)); // of the tar's header
}

test("every verb sees the same files, running or not", async () => {
  const file = join(box.root.root, "word");
  writeFileSync(file, "from outside");
  await box.strata("run", "-d", "--name", "busy", "--storage-opt", "size=24m", BOX_IMAGE, "sh", "-c", "echo one > /one; echo up; sleep 600");
  await eventually(async () => expect(await box.strata("logs", "busy")).toBe("up"));
  expect(devices()).toHaveLength(1);
  await box.strata("cp", file, "busy:/two");
  expect(await box.strata("exec", "busy", "cat", "/two")).toBe("from outside");
  expect(await box.strata("diff", "busy")).toBe("A /one\nA /two");
  await box.strata("commit", "busy", "local/running");
  expect(await box.shell([], "cat /one /two", "local/running")).toBe("one\nfrom outside");
  expect(devices()).toHaveLength(1); // never two of one disk
  await box.strata("stop", "-t", "0", "busy");
  await nothingHeld();
  await box.strata("cp", file, "busy:/three");
  expect(await box.strata("diff", "busy")).toBe("A /one\nA /three\nA /two");
  await box.strata("commit", "busy", "local/stopped");
  expect(await box.shell([], "cat /three", "local/stopped")).toBe("from outside");
  await box.strata("start", "busy");
  expect(await box.strata("exec", "busy", "cat", "/three")).toBe("from outside");
  await box.strata("rm", "-f", "busy");
  await nothingHeld();
});

test("commands and supervisors killed at any moment leave no mount and no device", async () => {
  const next = random(7);
  await box.strata("create", "--name", "hunted", "--storage-opt", "size=16m", BOX_IMAGE, "sh", "-c", "echo $$ > /pid; sleep 600");
  for (const args of [["start"], ["diff"], ["commit"], ["start"], ["commit"], ["cp"], ["start"], ["diff"]]) {
    const words = args[0] === "cp" ? ["cp", "hunted:/", "-"] : [...args, "hunted"];
    const child = spawn(process.execPath, [strata, ...words], { env: box.root.env, stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await sleep(next() * 400);
    child.kill("SIGKILL");
    await ended;
    await box.strata("ps", "-a");
  }
  await box.attempt("start", "hunted");
  await eventually(async () => expect((await box.attempt("exec", "hunted", "cat", "/pid")).status).toBe(0));
  const id = await box.strata("inspect", "-f", "{{.Id}}", "hunted");
  const { keeper, monitor } = JSON.parse(readFileSync(join(box.root.runRoot, "containers", id, "pid"), "utf8")) as { keeper: number; monitor: number };
  execFileSync("sh", ["-c", `kill -KILL ${keeper} ${monitor} || true`], { stdio: "ignore" }); // the second may have gone with the first
  await eventually(async () => expect(await box.strata("ps", "-a", "--format", "{{.State}}")).toBe("exited"));
  await nothingHeld();
  expect(await box.strata("diff", "hunted")).toBe("A /pid");
  await box.strata("rm", "-f", "hunted");
  await nothingHeld();
});

test("a container with mapped ids has a bound too, and the image's owners in it", async () => {
  const script = "echo mine > /mine; chown 5:6 /mine; ls -ln /mine; dd if=/dev/zero of=/big bs=1M count=32 2>&1";
  const { stdout } = await box.attempt("run", "--name", "mapped", "--userns", "auto", "--storage-opt", "size=16m", BOX_IMAGE, "sh", "-c", script);
  expect(stdout).toMatch(/^-\S+ 1 5 6 /);
  expect(stdout).toContain("No space left on device");
  await nothingHeld();
  expect(await box.strata("diff", "mapped")).toBe("A /big\nA /mine");
  await box.strata("commit", "mapped", "local/mapped");
  expect(await box.shell([], "ls -ln /mine", "local/mapped")).toMatch(/^-\S+ 1 5 6 /);
  await box.strata("rm", "mapped");
});

describe("refused", () => {
  test.each([
    { name: "another option", flags: ["--storage-opt", "ext=1"], says: "Unknown option ext" },
    { name: "a size that is none", flags: ["--storage-opt", "size=-1"], says: 'invalid size: "-1"' },
    { name: "a bound that holds nothing", flags: ["--storage-opt", "size=1m"], says: "to 1048576 bytes: the least is 4194304" },
    { name: "a mount shared with the machine", flags: ["--storage-opt", "size=1g", "-v", "/tmp:/shared:rshared"], says: "/shared is shared with it" },
  ])("$name, with 125 and nothing made", async ({ flags, says }) => {
    const { status, stdout, stderr } = await box.attempt("run", ...flags, BOX_IMAGE, "true");
    expect([status, stdout]).toEqual([125, ""]);
    expect(stderr).toContain(says);
    expect(await box.strata("ps", "-aq")).toBe("");
  });

  const shared = { kind: "bind", source: "/a", target: "/b", propagation: "rshared" } as const;
  test.each([
    { name: "an ordinary user", options: {}, isOrdinary: true, hasLoop: true, says: "an ordinary user's containers" },
    { name: "a machine without loop devices", options: {}, isOrdinary: false, hasLoop: false, says: "/dev/loop-control" },
    { name: "a mount that is shared with the machine", options: { mounts: [shared] }, isOrdinary: false, hasLoop: true, says: "/b is shared" },
  ])("$name", ({ options, isOrdinary, hasLoop, says }) => expect(reasonAgainst(options, isOrdinary, hasLoop)).toContain(says));
});

test("the flag is docker's", () => {
  expect(storageLimitOf(["size=1G"])).toEqual({ storageLimit: { bytes: 1 << 30, text: "1G" } });
  expect(storageLimitOf(["size=0"])).toEqual({});
});
