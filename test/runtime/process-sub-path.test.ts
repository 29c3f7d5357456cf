/** What is mounted of a folder that programs write into, whatever they make of it meanwhile (CVE-2017-1002101, CVE-2021-25741). */
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_MOUNTS } from "../../runtime/defaults.ts";
import type { MountSpec } from "../../runtime/spec.ts";
import { openLab, type Lab } from "./lab.ts";

let lab: Lab;
/** Of the host: no container may reach it. */
let outside: string;
/** What containers write into. */
let volume: string;

beforeAll(async () => {
  lab = await openLab();
  [outside, volume] = [join(lab.folder, "outside"), join(lab.folder, "volume")];
  for (const [folder, text] of [
    [join(outside, "inner"), "host"],
    [join(volume, "sub/inner"), "own"],
  ] as const) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "word"), text);
  }
  chmodSync(volume, 0o2777);
});
afterAll(async () => await lab[Symbol.asyncDispose]());

const mounted = (mount: Partial<MountSpec>): readonly MountSpec[] => [...DEFAULT_MOUNTS, { destination: "/mnt", type: "bind", options: ["rbind"], ...mount }];
const below = (subPath: string): readonly MountSpec[] => mounted({ source: volume, subPath });

describe("a sub-path", () => {
  test("is a folder or a file of its source, also through links that stay inside", async () => {
    symlinkSync("sub/inner", join(volume, "inside"));
    for (const path of ["sub/inner", "inside", "./sub//inner/"])
      expect((await lab.shell("cat /mnt/word", { spec: { mounts: below(path) } })).stdout).toBe("own");
    expect((await lab.shell("cat /mnt", { spec: { mounts: below("inside/word") } })).stdout).toBe("own");
  });

  test("that is missing is made, open to the same people as its source", async () => {
    const { stdout, exit } = await lab.shell("ls -a /mnt; touch /mnt/word", { spec: { mounts: below("new/deep") } });
    expect([stdout, exit.exitCode]).toEqual([".\n..\n", 0]);
    expect(existsSync(join(volume, "new/deep/word"))).toBe(true);
    for (const path of ["new", "new/deep"]) expect((statSync(join(volume, path)).mode & 0o7777).toString(8)).toBe("2777");
  });

  test.each([
    ["an absolute link", (): string => outside],
    ["a climbing link", (): string => "../outside"],
    ["a link to nowhere", (): string => "../nowhere"],
    ["a link of /proc", (): string => "/proc/self/root"],
  ])("behind %s is refused, and makes nothing", async (title, target) => {
    const name = title.replaceAll(" ", "-").replaceAll("/", "");
    symlinkSync(target(), join(volume, name));
    for (const path of [name, `${name}/inner`, `${name}/made/deep`])
      await expect(lab.run(["true"], { spec: { mounts: below(path) } }), path).rejects.toMatchObject({ code: "LAUNCH_FAILED", step: "bind: sub-path" });
    expect(readdirSync(outside)).toEqual(["inner"]);
    expect(readdirSync(lab.folder)).not.toContain("nowhere");
  });

  test("that climbs by itself is refused", async () => {
    await expect(lab.run(["true"], { spec: { mounts: below("sub/../../outside") } })).rejects.toMatchObject({ step: "bind: sub-path" });
  });
});

describe("a sub-path that is swapped for a link while it is mounted", { timeout: 300_000 }, () => {
  let swapper: ChildProcess;
  beforeAll(() => {
    symlinkSync(outside, join(volume, "link"));
    swapper = spawn(join(lab.rootfs, "bin/probe"), ["swap", join(volume, "sub"), join(volume, "link"), "300"], { stdio: "ignore" });
  });
  afterAll(() => void swapper.kill("SIGKILL"));

  /** What a container found, or that it was refused. */
  async function look(mounts: readonly MountSpec[]): Promise<string> {
    return await lab.shell("cat /mnt/word 2>/dev/null || echo nothing", { spec: { mounts } }).then(
      ({ stdout }) => stdout.trim(),
      () => "refused",
    );
  }

  test("leads nowhere outside, read or made; a plain path would", async () => {
    const [plain, beneath, made] = [new Set<string>(), new Set<string>(), new Set<string>()];
    for (let turn = 0; turn < 200 && !(plain.has("host") && beneath.has("own") && beneath.has("refused") && made.has("nothing")); turn++) {
      plain.add(await look(mounted({ source: join(volume, "sub/inner") })));
      beneath.add(await look(below("sub/inner")));
      made.add(await look(below(`sub/made-${turn}/deep`)));
    }
    for (let turn = 0; turn < 20; turn++) beneath.add(await look(below("sub/inner")));
    expect(swapper.exitCode).toBeNull();
    expect(plain, "the race is on").toContain("host");
    expect([...beneath].toSorted()).toEqual(["own", "refused"]);
    expect(made).not.toContain("host");
    expect(made).toContain("nothing");
    expect(readdirSync(outside)).toEqual(["inner"]);
    expect(readdirSync(join(outside, "inner"))).toEqual(["word"]);
  });
});
