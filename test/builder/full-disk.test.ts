/** A disk that fills up somewhere in a build: refused with the reason, the store whole, and the same image once there is room. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

const DISK_BYTES = 64 << 20;
/** Room is given back in steps of this size. */
const STEP_BYTES = 2 << 20;
const DOCKERFILE = `FROM local/box AS one
COPY wide /wide
COPY big /big
RUN cat /big /big > /twice
FROM local/box
COPY --from=one /twice /twice
RUN cp /twice /thrice
`;

let place: TemporaryRoot;
let disk: string;
let context: string;

beforeEach(async () => {
  place = temporaryRoot();
  disk = join(place.root, "../disk");
  context = join(place.root, "../context");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "strata-full", disk]);
  mkdirSync(join(context, "wide"), { recursive: true });
  for (let file = 0; file < 1200; file++) writeFileSync(join(context, "wide", String(file)), `${file}\n`);
  writeFileSync(join(context, "big"), Buffer.alloc(3 << 20, "big"));
  writeFileSync(join(context, "Dockerfile"), DOCKERFILE);
  await attempt("base", "create", "local/box", "--bin", "sh,cat,cp");
});

afterEach(() => {
  execFileSync("umount", ["-l", disk]);
  place[Symbol.dispose]();
});

const attempt = async (...args: readonly string[]): ReturnType<typeof runStrata> => await runStrata(place, args, { env: { STRATA_ROOT: join(disk, "root") } });

/** Leaves `room` bytes of the disk. */
function fill(room: number): void {
  const { bavail, bsize } = statfsSync(disk);
  const missing = bavail * bsize - room;
  if (missing > 0) writeFileSync(join(disk, `fill-${readdirSync(disk).length}`), Buffer.alloc(missing));
}

test("at every stage of a build: refused, whole, and built when there is room", { timeout: 900_000 }, async () => {
  const failures: string[] = [];
  let built: string | undefined;
  for (let room = 64 << 10; built === undefined && room < DISK_BYTES; room += STEP_BYTES) {
    for (const name of readdirSync(disk)) if (name.startsWith("fill-")) rmSync(join(disk, name));
    fill(room);
    const outcome = await attempt("build", "--progress", "plain", "--iidfile", `${context}.id`, "--network", "none", "-t", "full", "--no-cache", context);
    if (outcome.status === 0) built = readFileSync(`${context}.id`, "utf8");
    else failures.push(`${outcome.status} ${outcome.stderr}`);
    for (const name of readdirSync(disk)) if (name.startsWith("fill-")) rmSync(join(disk, name));
    expect((await attempt("system", "check")).status).toBe(0);
    expect(readdirSync(join(disk, "root/ingest"))).toEqual([]);
    await attempt("system", "prune", "--force", "--all");
    await attempt("base", "create", "local/box", "--bin", "sh,cat,cp");
  }
  expect(failures.length).toBeGreaterThan(5);
  for (const failure of failures) expect(failure).toMatch(/^1 [^]*(?:No space left on device|ENOSPC|no space left)/);
  using other = temporaryRoot();
  await runStrata(other, ["base", "create", "local/box", "--bin", "sh,cat,cp"]);
  expect(built).toBe((await runStrata(other, ["build", "-q", "--network", "none", context])).stdout.trim());
});
