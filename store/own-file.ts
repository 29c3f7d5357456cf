/**
 * The files that processes of one root share beside its content (locks, the journal): opened as the ordinary files that they are, or refused.
 * Nothing is read or written through a link, and nobody waits for the other end of a pipe.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { StoreError } from "./errors.ts";

const { O_NOFOLLOW, O_NONBLOCK } = constants;

interface Problem {
  readonly state: string;
  /** What to do. */
  readonly hint: string;
}

/** `flags` of open(2). @throws {StoreError} `FILE_FOREIGN`; what open(2) says of a file that is none of those cases, of an absent one say */
export function openOwnFile(path: string, flags: number, mode = 0o600): number {
  let fd: number;
  try {
    fd = openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, mode);
  } catch (error) {
    refuseForeign(path, error);
    throw error;
  }
  const problem = problemOf(fstatSync(fd), path);
  if (problem === undefined) return fd;
  closeSync(fd);
  throw foreign(path, problem);
}

/** To be read; undefined for an absent one. @throws {StoreError} `FILE_FOREIGN` */
export function openOwnFileIfThere(path: string): number | undefined {
  try {
    return openOwnFile(path, constants.O_RDONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Made when it is absent. @throws {StoreError} `FILE_FOREIGN` */
export function openLockFile(path: string): number {
  return openOwnFile(path, constants.O_WRONLY | constants.O_CREAT);
}

/** For a file that somebody else is to open. One that is absent is none. @throws {StoreError} `FILE_FOREIGN` */
export function refuseForeign(path: string, cause?: unknown): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const problem =
    found === undefined ? undefined : (problemOf(found, path) ?? (isClosed(cause) ? { state: "this user may not", hint: hintOfOwner(path) } : undefined));
  if (problem !== undefined) throw foreign(path, problem, cause);
}

function isClosed(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === "EACCES";
}

/** Whose the folder is may put there what they like. */
function problemOf(found: Stats, path: string): Problem | undefined {
  if (!found.isFile())
    return { state: `it is ${kindOf(found)}, not a file`, hint: "Find out who put it there, and move it away while no command runs on this root" };
  const isOwn = found.uid === process.geteuid?.() || found.uid === lstatSync(dirname(path)).uid;
  return isOwn ? undefined : { state: `it belongs to user ${found.uid}`, hint: hintOfOwner(path) };
}

function hintOfOwner(path: string): string {
  return `Give it to the owner of ${dirname(path)} (chown), or work as that user`;
}

/** Of what is no plain file. */
export function kindOf(found: Stats): string {
  if (found.isSymbolicLink()) return "a symbolic link";
  if (found.isDirectory()) return "a folder";
  if (found.isFIFO()) return "a named pipe";
  return found.isSocket() ? "a socket" : "a device";
}

function foreign(path: string, { state, hint }: Problem, cause?: unknown): StoreError {
  return new StoreError("FILE_FOREIGN", `Cannot open ${path}: ${state}`, { cause, hint });
}
