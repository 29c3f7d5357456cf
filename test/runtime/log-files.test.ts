/** A rotated log's files, found while they are renamed. */
import { readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { followLines, openLogFiles, tailLines, type LogFile } from "../../runtime/engine/log-files.ts";
import { temporaryFolder } from "../support/root.ts";

const KEPT = 6;

function temporaryLog(): { readonly path: string } & Disposable {
  const folder = temporaryFolder();
  return {
    path: join(folder, "log"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function rotate(path: string, number: number): void {
  for (let i = KEPT - 1; i > 1; i--) {
    try {
      renameSync(`${path}.${i - 1}`, `${path}.${i}`);
    } catch {
      continue; // not there yet
    }
  }
  renameSync(path, `${path}.1`);
  writeFileSync(path, `${number}\n`);
}

async function numbersIn(files: readonly LogFile[]): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const lines of tailLines(files, undefined)) found.push(...lines.map(Number));
  await Promise.all(files.map(async (file) => await file[Symbol.asyncDispose]()));
  return found;
}

/** Two rotations at a time, between any two steps of the reader; so many in a round that it need not give up, however slow it is. */
async function rotating(path: string, rounds: number, act: () => Promise<void>): Promise<void> {
  let number = KEPT;
  let left = 0;
  const writer = setInterval(() => {
    if (left-- > 0) for (let twice = 0; twice < 2; twice++) rotate(path, ++number);
  }, 5);
  try {
    for (let round = 0; round < rounds; round++) {
      left = 10;
      await act();
    }
  } finally {
    clearInterval(writer);
  }
}

test("are in order and without a gap, though they were renamed twice meanwhile", async () => {
  using log = temporaryLog();
  writeFileSync(log.path, "1\n");
  for (let number = 2; number <= KEPT; number++) rotate(log.path, number);
  await rotating(log.path, 400, async () => {
    const numbers = await numbersIn(await openLogFiles(log.path));
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => (numbers[0] ?? 0) + index));
    expect(numbers.length).toBeGreaterThan(0);
  });
});

test("are all closed when a follower leaves in the middle of them", async () => {
  using log = temporaryLog();
  writeFileSync(log.path, "1\n");
  const [first] = await openLogFiles(log.path);
  for (let number = 2; number <= KEPT; number++) rotate(log.path, number);
  const changes = { next: async () => await Promise.resolve(), [Symbol.dispose]: () => undefined };
  const lines = followLines(log.path, first, { changes, stillRuns: async () => await Promise.resolve(true), signal: undefined });
  for await (const [line] of lines) if (line === "3") break;
  const open = readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(log.path);
    } catch {
      return false; // the listing's own
    }
  });
  expect(open).toEqual([]);
});
