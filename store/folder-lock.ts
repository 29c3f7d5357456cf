/** One at a time at work in a folder: flock(2) on the folder itself, which leaves nothing behind and is let go of when its process ends. */
import { constants, openSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { openFileLock, type FileLock } from "../system/file-lock.ts";

export interface Waiting {
  readonly signal?: AbortSignal;
  /** Milliseconds; after them it goes on without the lock. @default forever */
  readonly patience?: number;
  /** Told once, when another is at work. */
  readonly onWait?: () => void;
}

const LOOK_MS = 20;

/** Dispose lets go. The folder is there; where it cannot be locked (not every file system can) nobody is waited for. */
export async function lockFolder(folder: string, { signal, patience = Infinity, onWait }: Waiting = {}): Promise<Disposable> {
  const deadline = Date.now() + patience;
  for (let isFirst = true; ; isFirst = false) {
    const lock = tryLock(folder);
    if (lock !== "busy") return lock;
    if (Date.now() >= deadline) return unlocked;
    if (isFirst) onWait?.();
    await setTimeout(LOOK_MS, undefined, { signal });
  }
}

const unlocked: Disposable = { [Symbol.dispose]: () => {} };

function tryLock(folder: string): Disposable | "busy" {
  let lock: FileLock | undefined;
  try {
    lock = openFileLock(folder, (path) => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
    if (lock.tryExclusive() && lock.isThere()) return lock;
  } catch {
    lock?.[Symbol.dispose]();
    return unlocked;
  }
  lock[Symbol.dispose]();
  return "busy";
}
