/** Who makes a step: one process at a time for each key. The kernel lets the lock go when its holder ends, however it ends. */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { openLockFile } from "../../store/own-file.ts";
import { openFileLock } from "../../system/file-lock.ts";
import { sidePath } from "../side-path.ts";

export interface LockOptions {
  readonly treeTool: string;
  readonly signal: AbortSignal;
  /** Told once, when another has it. */
  readonly onWait: () => void;
}

/** Dispose lets go. @throws the signal's reason */
export async function lockStep(root: string, key: string, { treeTool, signal, onWait }: LockOptions): Promise<Disposable> {
  const path = sidePath(root, "locks", key);
  mkdirSync(dirname(path), { recursive: true });
  for (let waits = 0; ; waits++) {
    const lock = openFileLock(path, openLockFile);
    const isHad = lock.tryExclusive();
    if (isHad && lock.isThere()) {
      return {
        [Symbol.dispose]() {
          rmSync(path, { force: true });
          lock[Symbol.dispose]();
        },
      };
    }
    lock[Symbol.dispose]();
    if (isHad) continue; // the one before removed it
    if (waits === 0) onWait();
    await untilFree(treeTool, path, signal);
  }
}

/** A process of its own waits: it can be ended at any time. */
export async function untilFree(treeTool: string, path: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(treeTool, ["lock", path], { stdio: ["ignore", "ignore", "inherit"] });
  const onAbort = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => (status === 0 || signal.aborted ? resolve() : reject(new Error(`strata-tree lock ${path} ended with ${status}`))));
    });
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  signal.throwIfAborted();
}
