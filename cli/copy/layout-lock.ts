/** One at a time changes the index of a layout, which is read and written again. Kept by flock(2) on a file that goes with whoever is done. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { makeFolders } from "../../store/make-folders.ts";
import { openLockFile } from "../../store/own-file.ts";
import { openFileLock } from "../../system/file-lock.ts";

/** It is held for milliseconds. */
const LOOK_MS = 10;

/** @throws {StoreError} `FILE_FOREIGN`; what `change` throws */
export async function changingIndex(folder: string, change: () => Promise<void>): Promise<void> {
  makeFolders(folder);
  const path = join(folder, "index.json.lock");
  for (;;) {
    using lock = openFileLock(path, openLockFile);
    if (lock.tryExclusive() && lock.isThere()) {
      try {
        return await change();
      } finally {
        rmSync(path, { force: true }); // still ours: who has it open looks whether it is there
      }
    }
    await setTimeout(LOOK_MS);
  }
}
