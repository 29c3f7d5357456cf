/** Limits of block devices hold under direct input and output: rates on the disk below, weights on a loop device of our own. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { deviceNumbers } from "../../runtime/engine/devices.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";
import { projectRoot, TEST_PREFIX } from "../support/root.ts";

vi.setConfig({ testTimeout: 180_000 }); // every step is a command of its own, and machines are busy

let box: Box;
beforeAll(async () => {
  box = await openBox("sh dd true");
});
afterAll(async () => await box[Symbol.asyncDispose]());

describe("rates", () => {
  const cache = join(projectRoot, ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, TEST_PREFIX)); // a tmpfs has no device
  const device = deviceOf(folder);
  const bind = ["-v", `${folder}:/io`];
  beforeAll(() => writeFileSync(join(folder, "data"), Buffer.alloc(8 << 20)));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Seconds that a dd took, as it says. */
  async function seconds(flags: readonly string[], dd: string): Promise<number> {
    const said = await box.shell([...bind, ...flags], `dd ${dd} 2>&1`);
    return Number(/copied, ([\d.e-]+) s/.exec(said)?.[1]);
  }

  const rows = [
    { flag: "--device-read-bps", rate: "2m", dd: "if=/io/data of=/dev/null bs=256k count=12 iflag=direct" },
    { flag: "--device-write-bps", rate: "2m", dd: "if=/dev/zero of=/io/out bs=256k count=12 oflag=direct" },
    { flag: "--device-read-iops", rate: "20", dd: "if=/io/data of=/dev/null bs=4k count=40 iflag=direct" },
    { flag: "--device-write-iops", rate: "20", dd: "if=/dev/zero of=/io/out bs=4k count=40 oflag=direct" },
  ];
  test.each(rows)("$flag holds", async ({ flag, rate, dd }) => {
    expect(await seconds([flag, `${device}:${rate}`], dd)).toBeGreaterThan(1);
    await eventually(async () => expect(await seconds([flag, `${device}:1000000000`], dd)).toBeLessThan(1)); // others may want the disk too
  });

  test("what is no block device is refused before anything runs", async () => {
    expect(await box.attempt("run", "--rm", "--device-read-bps", "/dev/null:1m", BOX_IMAGE, "true")).toMatchObject({
      status: 125,
      stderr: expect.stringContaining("it is no block device") as string,
    });
    expect(await box.attempt("run", "--rm", "--device-read-bps", "1m", BOX_IMAGE, "true")).toMatchObject({ status: 125 });
    expect(await box.attempt("run", "--rm", "--blkio-weight", "5", BOX_IMAGE, "true")).toMatchObject({ status: 125 });
  });

  test("limits and weight are told by inspect", async () => {
    const flags = ["--blkio-weight", "300", "--device-read-bps", `${device}:2m`, "--blkio-weight-device", `${device}:200`];
    const id = await box.strata("create", "--network", "none", ...flags, BOX_IMAGE, "true");
    const config = JSON.parse(await box.strata("inspect", "--format", "{{json .HostConfig}}", id)) as object;
    expect(config).toMatchObject({
      BlkioWeight: 300,
      BlkioWeightDevice: [{ Path: device, Weight: 200 }],
      BlkioDeviceReadBps: [{ Path: device, Rate: 2 << 20 }],
    });
    await box.strata("rm", id);
  });
});

/** A disk of memory whose time the bfq scheduler divides. */
function loopDevice(): Disposable & { readonly path: string } {
  const file = join(box.root.root, "disk");
  writeFileSync(file, "");
  truncateSync(file, 64 << 20);
  const path = execFileSync("losetup", ["--find", "--show", file], { encoding: "utf8" }).trim();
  const scheduler = `/sys/block/${basename(path)}/queue/scheduler`;
  const before = /\[(.*)\]/.exec(readFileSync(scheduler, "utf8"))?.[1] ?? "none";
  writeFileSync(scheduler, "bfq");
  return {
    path,
    [Symbol.dispose](): void {
      writeFileSync(scheduler, before);
      execFileSync("losetup", ["--detach", path]);
    },
  };
}

test("weights divide the time of a contended device", async () => {
  using device = loopDevice();
  const script = `while :; do dd if=${device.path} of=/dev/null bs=64k iflag=direct 2>/dev/null; done`;
  const start = async (weight: string): Promise<string> =>
    await box.strata("run", "-d", "--network", "none", "--blkio-weight", weight, "--device", device.path, BOX_IMAGE, "sh", "-c", script);
  const ids = [await start("100"), await start("800")];
  const bytes = async (): Promise<readonly number[]> =>
    (await box.strata("stats", "--no-stream", "--format", "{{.BlockIO}}", ...ids)).split("\n").map((line) => megabytes(line.split(" / ")[0] ?? ""));
  try {
    await eventually(async () => {
      const before = await bytes();
      await sleep(2000);
      const [small = 0, large = 0] = (await bytes()).map((after, at) => after - (before[at] ?? 0));
      expect(large / small).toBeGreaterThan(1.5);
    }, 120_000); // while others keep the processors busy the device is not contended
  } finally {
    await box.strata("rm", "-f", ...ids);
  }
});

function megabytes(text: string): number {
  const [, count = "0", unit = "B"] = /^([\d.]+)(\w+)$/.exec(text) ?? [];
  return Number(count) * ({ B: 1e-6, kB: 1e-3, MB: 1, GB: 1e3, TB: 1e6 }[unit] ?? Number.NaN);
}

/** The disk that holds a folder: limits are a whole disk's. */
function deviceOf(folder: string): string {
  const { major, minor } = deviceNumbers(statSync(folder).dev);
  const path = execFileSync("readlink", ["-f", `/sys/dev/block/${major}:${minor}`], { encoding: "utf8" }).trim();
  const isPartition = execFileSync("sh", ["-c", `test -e ${path}/partition && echo yes || echo no`], { encoding: "utf8" }).trim() === "yes";
  const parts = path.split("/");
  return `/dev/${isPartition ? parts.at(-2) : parts.at(-1)}`;
}
