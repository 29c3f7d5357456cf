/** A small text file, or nothing when there is none. */
import { readFileSync, statSync } from "node:fs";

export function readIfThere(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? readFileSync(path, "utf8") : undefined; // a pipe would have to be waited for
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
