/** Folders that are made with those above them, also where the file system says of a folder that is there that it is not. */
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeFolders } from "../../store/make-folders.ts";

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "strata-folders-"));
  mkdirSync(join(work, "there"));
  writeFileSync(join(work, "file"), "");
  symlinkSync("there", join(work, "link"));
  symlinkSync("nowhere", join(work, "dangling"));
});
afterAll(() => rmSync(work, { recursive: true }));

test.each([
  { name: "all of them", path: "a/b/c", made: "a" },
  { name: "the last alone", path: "there/x/", made: "there/x" },
  { name: "none that is there", path: "there", made: undefined },
  { name: "below a link", path: "link/y/z", made: "link/y" },
])("makes $name", ({ path, made }) => {
  expect(makeFolders(join(work, path), 0o700)).toBe(made === undefined ? undefined : join(work, made));
  expect(statSync(join(work, path)).isDirectory()).toBe(true);
  if (made !== undefined) expect(statSync(join(work, path)).mode & 0o777).toBe(0o700);
  expect(makeFolders(join(work, path))).toBeUndefined();
});

test.each([
  { name: "a file in its place", path: "file", says: "something else is there" },
  { name: "a file above it", path: "file/x/y", says: "ENOTDIR" },
  { name: "a link to nowhere", path: "dangling/x", says: "something else is there" },
  { name: "a file system that makes none", path: "/proc/strata-none/x", says: "ENOENT" },
])("refuses $name", ({ path, says }) => {
  expect(() => makeFolders(path.startsWith("/") ? path : join(work, path))).toThrow(
    expect.objectContaining({ code: "FOLDER_REFUSED", message: expect.stringContaining(says) }) as Error,
  );
});
