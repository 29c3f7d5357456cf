/** One process at a time: memory is the truth for reads, so a second writer would make it false. The lock dies with its process. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openLockFile } from "../../store/own-file.ts";
import { openFileLock } from "../../system/file-lock.ts";
import { ApiError } from "../errors.ts";

/** Dispose lets go. @throws {ApiError} `ServiceUnavailable` when a live process holds it */
export function own(folder: string): Disposable {
  const path = join(folder, "owner");
  const lock = openFileLock(path, openLockFile);
  if (!lock.tryExclusive()) {
    lock[Symbol.dispose]();
    throw new ApiError(
      "ServiceUnavailable",
      `Cannot start the cluster in ${dirname(folder)}: process ${readFileSync(path, "utf8") || "unknown"} runs it already`,
    );
  }
  writeFileSync(path, String(process.pid));
  return lock;
}
