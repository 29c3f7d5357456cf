/** A small text file, or nothing when there is none. */
import { readFileSync, statSync } from "node:fs";
import { BuilderError } from "../errors.ts";

/** @throws {BuilderError} `CONTEXT_INVALID` when it is a folder, or something whose end would have to be waited for */
export function readIfThere(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) throw new BuilderError("CONTEXT_INVALID", `Cannot read ${path}: it is no plain file`);
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
