/**
 * A folder, and those above it that are missing. Node's own `recursive` never ends where a file system answers ENOENT of a folder whose parent
 * is there, as /proc does; paths that users name may lie in one.
 */
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { StoreError } from "./errors.ts";

/** Idempotent. Returns the first folder that was made, undefined when all were there. @throws {StoreError} `FOLDER_REFUSED` */
export function makeFolders(path: string, mode = 0o777): string | undefined {
  return make(resolve(path), mode);
}

function make(path: string, mode: number): string | undefined {
  try {
    mkdirSync(path, { mode });
    return path;
  } catch (error) {
    if (isFolder(path)) return undefined;
    if (!isMissing(error) || existsSync(dirname(path)))
      throw new StoreError("FOLDER_REFUSED", `Cannot make the folder ${path}: ${reasonOf(error)}`, { cause: error });
  }
  const first = make(dirname(path), mode);
  const last = make(path, mode);
  return first ?? last;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && "code" in error && error.code === "EEXIST") return "something else is there";
  return error instanceof Error ? error.message : String(error);
}
