/** Attacks on those who read a container's files from outside: what was looked at is swapped before it is read. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unpackTar } from "../../cli/containers/unpack-tar.ts";
import { writePid } from "../../cli/oci/creation.ts";
import { resolveAccount } from "../../runtime/engine/user.ts";
import { encodeOperations } from "../../runtime/process/operation.ts";
import type { MonitorPids } from "../../runtime/process/client.ts";
import { lowerIdentity } from "../../runtime/process/lower-process.ts";
import { openInside } from "../../store/snapshot/open-inside.ts";
import { openLab, type Lab } from "./engine-lab.ts";

let folder = "";
let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
  folder = mkdtempSync(join(lab.root.root, "hostile-"));
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

describe("a file that was swapped after it was looked at", () => {
  const swaps: Readonly<Record<string, (root: string, outside: string) => void>> = {
    "a link": (root, outside) => symlinkSync(join(outside, "f"), join(root, "d/f")),
    "a link in its folder's place": (root, outside) => {
      rmSync(join(root, "d"), { recursive: true });
      symlinkSync(outside, join(root, "d"));
    },
    "a pipe that nobody writes": (root) => execFileSync("mkfifo", [join(root, "d/f")]),
    "a device without end": (root) => execFileSync("mknod", [join(root, "d/f"), "c", "1", "5"]),
    nothing: () => {},
  };
  test.each(Object.keys(swaps))("for %s is not read", (name) => {
    const [root, outside] = [mkdtempSync(join(folder, "root-")), mkdtempSync(join(folder, "outside-"))];
    mkdirSync(join(root, "d"));
    writeFileSync(join(root, "d/f"), "own");
    writeFileSync(join(outside, "f"), "host");
    const { fd, size } = openInside(root, join(root, "d/f"));
    expect([readFileSync(fd, "utf8"), size]).toEqual(["own", 3]);
    closeSync(fd);
    rmSync(join(root, "d/f"));
    swaps[name]!(root, outside);
    expect(() => openInside(root, join(root, "d/f"))).toThrow(expect.objectContaining({ code: "PATH_ESCAPES" }) as Error);
  });

  test("does not bring a host's file into a copy that is under way", async () => {
    const outside = mkdtempSync(join(folder, "host-"));
    writeFileSync(join(outside, "f"), "secret of the host");
    const volume = mkdtempSync(join(folder, "volume-"));
    mkdirSync(join(volume, "z"));
    writeFileSync(join(volume, "a"), Buffer.alloc(3 << 20)); // more than is read ahead
    writeFileSync(join(volume, "z/f"), "own");
    const { record } = await lab.background(["sleep", "600"], { mounts: [{ kind: "bind", source: volume, target: "/v" }] });
    const tar = lab.engine.copyOut(record.id, "/v")[Symbol.asyncIterator]();
    let text = Buffer.from((await tar.next()).value as Uint8Array).toString("latin1");
    renameSync(join(volume, "z"), join(volume, "old"));
    symlinkSync(outside, join(volume, "z"));
    const rest = async (): Promise<void> => {
      for (let step = await tar.next(); step.done !== true; step = await tar.next()) text += Buffer.from(step.value).toString("latin1");
    };
    await rest().catch(() => undefined); // whether it goes on without the folder or fails is its own affair
    expect(text).not.toContain("secret of the host");
  });
});

test("a folder of the tar does not dress the target of a link that an earlier copy brought", async () => {
  const [target, outside] = [mkdtempSync(join(folder, "target-")), mkdtempSync(join(folder, "elsewhere-"))];
  symlinkSync(outside, join(target, "d"));
  const tar = pack();
  tar.entry({ name: "d", type: "directory", mode: 0o777 });
  tar.finalize();
  const mode = statSync(outside).mode;
  await expect(unpackTar(Readable.from(tar) as AsyncIterable<Uint8Array>, target, { contentsOnly: false, keepOwners: false })).rejects.toThrow("it is a link");
  expect(statSync(outside).mode).toBe(mode);
});

describe("who a program runs as", () => {
  test.each([
    { uid: -1, gid: 0 },
    { uid: 0xffff_ffff, gid: 0 },
    { uid: 1, gid: -1 },
    { uid: 0.5, gid: 0 },
    { uid: 1, gid: 1, additionalGids: [-1] },
  ])("%j, which the kernel takes for root's own, is refused", (user) => {
    const context = { setgroups: true, seccomp: undefined, follow: false };
    expect(() => lowerIdentity({ user, args: ["true"], cwd: "/" }, context)).toThrow(expect.objectContaining({ code: "SPEC_INVALID" }) as Error);
  });

  test("a number asked for as one is not looked up as a name of the image", () => {
    const [passwd, group] = ["1000:x:0:0::/root:/bin/sh\n", "50:x:0:\n"];
    expect(resolveAccount("1000:50", passwd, group, ["50"], true)).toMatchObject({ uid: 1000, gid: 50, additionalGids: [] });
    expect(resolveAccount("1000", passwd, group, [], true)).toMatchObject({ uid: 1000, home: "/" });
  });
});

test("a word with a byte of value 0 is refused, not cut there", () => {
  expect(() => encodeOperations([["execute", "true\0more"]])).toThrow(expect.objectContaining({ code: "SPEC_INVALID" }) as Error);
});

test("a pid file takes the place of a pipe or a link, and goes nowhere else", () => {
  const place = mkdtempSync(join(folder, "pid-"));
  execFileSync("mkfifo", [join(place, "pipe")]);
  symlinkSync(join(place, "victim"), join(place, "link"));
  for (const name of ["pipe", "link"]) writePid(join(place, name), 42);
  expect(readdirSync(place).map((name) => [name, readFileSync(join(place, name), "utf8")])).toEqual([
    ["link", "42"],
    ["pipe", "42"],
  ]);
});

test.each(["stop", "remove"] as const)("a container whose monitor was stopped still takes %s", { timeout: 180_000 }, async (verb) => {
  const { record } = await lab.background(["sleep", "600"]);
  const { monitor } = JSON.parse(readFileSync(join(lab.root.runRoot, "containers", record.id, "pid"), "utf8")) as MonitorPids;
  process.kill(monitor, "SIGSTOP");
  if (verb === "stop") await lab.engine.stop(record.id, { timeout: 0 });
  await lab.engine.remove(record.id, { force: true });
  expect((await lab.engine.list()).map((one) => one.record.id)).not.toContain(record.id);
});

test("who is not root reads no record, and reaches nothing that a container wrote, set-user programs neither", async () => {
  const { record } = await lab.background(["sh", "-c", "echo own > /own; exec sleep 600"], { env: ["PASSWORD=hunter2"] });
  const { root } = lab.root;
  const way = statSync(root).mode & 0o777;
  for (const folder of [join(root, ".."), root]) chmodSync(folder, 0o755); // as /var/lib/strata is
  try {
    const upper = join(root, "active", `container-${record.id}`, "fs");
    await expect.poll(() => existsSync(join(upper, "own"))).toBe(true);
    for (const path of [join(root, "db/data.mdb"), join(upper, "own")])
      expect(() => execFileSync("cat", [path], { uid: 65534, gid: 65534, stdio: "pipe" })).toThrow(/Permission denied/);
  } finally {
    chmodSync(root, way);
  }
});
