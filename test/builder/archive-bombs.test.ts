/** ADD of archives that are larger than the disk: refused while they are read, some room left, nothing of them behind. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

/** 128 MiB of it stay free; so there is room for some 64. */
const DISK_BYTES = 192 << 20;
const RESERVED_BYTES = 128 << 20;

let place: TemporaryRoot;
let disk: string;
let context: string;
beforeAll(() => {
  place = temporaryRoot();
  disk = join(place.root, "../disk");
  context = join(place.root, "../context");
  for (const folder of [disk, context]) mkdirSync(folder);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "strata-bombs", disk]);
  execFileSync("truncate", ["-s", "400M", join(context, "zeros")]);
  const pack = (name: string, command: string): Buffer => execFileSync("sh", ["-c", `tar -c zeros | ${command} > ${name}`], { cwd: context });
  for (const [name, command] of Object.entries({ "x.tgz": "gzip -1", "x.txz": "xz -0", "x.tzst": "zstd -q", "x.tbz": "bzip2 -1" })) pack(name, command);
  execFileSync("tar", ["-cf", "sparse.tar", "--sparse", "zeros"], { cwd: context });
  rmSync(join(context, "zeros"));
  execFileSync("truncate", ["-s", "40M", join(context, "small")]);
  execFileSync(
    "sh",
    [
      "-c",
      "tar -cz small > fits.tgz; gzip -dc x.tgz | head -c 200M | gzip -1 > a; gzip -dc x.tgz | tail -c +200M | gzip -1 > b; cat a b > two.tgz; rm a b small",
    ],
    {
      cwd: context,
    },
  );
  writeFileSync(join(context, "none.gz"), gzipSync("none"));
});
afterAll(() => {
  execFileSync("umount", ["-l", disk]);
  place[Symbol.dispose]();
});

const root = (): string => join(disk, "root");
const free = (): number => statfsSync(disk).bavail * statfsSync(disk).bsize;

async function add(name: string): Promise<{ readonly status: number; readonly stderr: string }> {
  return await runStrata(place, ["build", "-q", "-f", "-", context], { input: `FROM scratch\nADD ${name} /n/\n`, env: { STRATA_ROOT: root() } });
}

test.each(["x.tgz", "x.txz", "x.tzst", "x.tbz", "two.tgz", "sparse.tar"])("%s of 400 MiB", { timeout: 300_000 }, async (name) => {
  expect(await add("none.gz")).toMatchObject({ status: 0 }); // the root is there
  const before = free();
  const { status, stderr } = await add(name);
  expect([status, stderr]).toEqual([1, expect.stringMatching(/Cannot unpack .*(would leave less than 128 MiB|there is room for)/)]);
  expect(readdirSync(join(root(), "ingest")).filter((file) => !file.endsWith(".writer"))).toEqual([]);
  expect(free()).toBeGreaterThan(Math.min(before, RESERVED_BYTES) - (4 << 20));
});

test("One that fits is unpacked", async () => {
  expect(await add("fits.tgz")).toMatchObject({ status: 0 });
});
