import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { temporaryFolder } from "./root.ts";

/** An empty folder for each test of a file; gives a place in the one of now. */
export function workFolder(): (name?: string) => string {
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder();
    mkdirSync(join(folder, "work"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  return (name = "") => join(folder, "work", name);
}
