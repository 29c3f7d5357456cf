/** A file that a flag names. */
import { readFileSync } from "node:fs";
import { UsageError } from "../errors.ts";

/** @throws {UsageError} when it cannot be read */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    throw new UsageError(`Cannot read ${path}: ${error.code === "ENOENT" ? "there is no such file" : String(error.code)}`);
  }
}
