/** Who uses a cache mount: many at once (`shared`), one alone (`locked`), or each its own folder of several (`private`). Kept by flock(2). */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { openLockFile } from "../../store/own-file.ts";
import { openFileLock } from "../../system/file-lock.ts";
import type { CachePlan } from "../plan/graph.ts";
import { untilFree, type LockOptions } from "./step-lock.ts";

export interface MountUse extends Disposable {
  /** The folder to mount. */
  readonly path: string;
}

/** `path` is the mount's folder; a second `private` user at once gets another one beside it. Dispose ends the use. @throws the signal's reason */
export async function useMount(path: string, sharing: CachePlan["sharing"], options: LockOptions): Promise<MountUse> {
  mkdirSync(dirname(path), { recursive: true });
  for (let attempt = 0; ; attempt++) {
    const at = sharing === "private" && attempt > 0 ? `${path}.${attempt}` : path;
    const lock = openFileLock(lockPath(at), openLockFile);
    if (sharing === "shared" ? lock.tryShared() : lock.tryExclusive()) return { path: at, [Symbol.dispose]: () => lock[Symbol.dispose]() };
    lock[Symbol.dispose]();
    if (sharing === "private") continue;
    if (attempt === 0) options.onWait();
    await untilFree(options.treeTool, lockPath(at), options.signal);
  }
}

/** For those who would rather not wait: undefined while somebody uses it. */
export function tryMount(path: string): MountUse | undefined {
  mkdirSync(dirname(path), { recursive: true });
  const lock = openFileLock(lockPath(path), openLockFile);
  if (lock.tryExclusive()) return { path, [Symbol.dispose]: () => lock[Symbol.dispose]() };
  lock[Symbol.dispose]();
  return undefined;
}

function lockPath(path: string): string {
  return `${path}.lock`;
}
