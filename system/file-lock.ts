/**
 * A lock on a file, kept by the kernel: it is let go when its process ends, however it ends, so no lock is ever stale.
 * Spec: flock(2).
 */
import { closeSync, fstatSync, statSync } from "node:fs";
import { addon } from "./addon.ts";

const SHARED = 1;
export const EXCLUSIVE = 2;
export const NO_WAIT = 4;
const UNLOCK = 8;

export interface FileLock extends Disposable {
  /** For a child that keeps the lock until it closes its copy. */
  readonly fd: number;
  /** These two wait, and nothing else of this thread runs meanwhile: for locks that are held for milliseconds. */
  shared(): void;
  exclusive(): void;
  /** These do not: false when another has it. */
  tryShared(): boolean;
  tryExclusive(): boolean;
  /** False when the file was removed, so that others lock another one of that name. */
  isThere(): boolean;
  release(): void;
}

/** False when another has it and `operation` does not wait. */
export function flock(fd: number, operation: number): boolean {
  return addon().flock(fd, operation);
}

/** `open` makes the file when it is absent, and refuses what is no lock's. Dispose lets go and closes. */
export function openFileLock(path: string, open: (path: string) => number): FileLock {
  const fd = open(path);
  return {
    fd,
    shared: () => void flock(fd, SHARED),
    exclusive: () => void flock(fd, EXCLUSIVE),
    tryShared: () => flock(fd, SHARED | NO_WAIT),
    tryExclusive: () => flock(fd, EXCLUSIVE | NO_WAIT),
    isThere: () => statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino,
    release: () => void flock(fd, UNLOCK),
    [Symbol.dispose]: () => closeSync(fd),
  };
}
