/** Where a file that a user names is written: beside its place and renamed, or as it is where it is no plain file. */
import { closeSync, constants, openSync, realpathSync, statSync } from "node:fs";

/**
 * A named pipe that nobody reads is refused: opening it would wait, deaf to every signal. Held open, so that its reader does not see an end
 * before the writing begins. @throws `ENXIO`
 */
export function holdPipe(path: string): Disposable {
  const isPipe = statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
  const fd = isPipe ? openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) : undefined;
  return { [Symbol.dispose]: () => (fd === undefined ? undefined : closeSync(fd)) };
}

export interface FilePlace {
  readonly place: string;
  /** A plain file, or one that is to be: it can be replaced by another. */
  readonly isPlain: boolean;
  /** `a`: standard output is a file, and what is in it stays. */
  readonly flags: "w" | "a";
  /** Permissions of the one that is there. */
  readonly mode?: number;
}

/** Names of open files: another file in their place would not be what was opened. */
const STREAM = /^\/(?:proc\/|dev\/(?:stdout|stderr|fd\/))/;

/** Where a file is written that may be named through a link. */
export function placeOf(path: string): FilePlace {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { place: path, isPlain: true, flags: "w" };
  if (!found.isFile()) return { place: path, isPlain: false, flags: "w" };
  if (STREAM.test(path)) return { place: path, isPlain: false, flags: "a" };
  return { place: realpathSync(path), isPlain: true, flags: "w", mode: found.mode & 0o777 };
}
