/**
 * A file beside its place until it is whole: under a name that nobody else has, not even a process of the same id in another container. It is locked
 * while somebody writes it, so that what a killed process left can be told from what is still to come. Spec: flock(2).
 */
import { closeSync, constants, fstatSync, rmSync } from "node:fs";
import { open, readdir, rename, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { randomHex } from "../system/digest.ts";
import { EXCLUSIVE, flock, NO_WAIT } from "../system/file-lock.ts";
import { openOwnFile } from "./own-file.ts";

/** What the file keeps of the one that it replaces; the owner where that is allowed. */
export interface Likeness {
  /** As stat(2) has it; its permissions are kept, whatever the umask. */
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

const FRESH = /^(?<place>.+)\.[0-9a-f]{12}\.part$/;

/** Dispose closes it, and removes it unless it settled. */
export class FreshFile implements AsyncDisposable {
  /** Where it is until it settles. */
  readonly path: string;
  readonly handle: FileHandle;
  readonly #place: string;
  #isSettled = false;

  private constructor(place: string, path: string, handle: FileHandle) {
    this.#place = place;
    this.path = path;
    this.handle = handle;
  }

  /** The folder is there. @throws what open(2) says, of `place` */
  static async open(place: string, like?: Likeness): Promise<FreshFile> {
    for (;;) {
      const path = `${place}.${randomHex(6)}.part`;
      const handle = await open(path, "wx", like === undefined ? 0o666 : like.mode & 0o777).catch((error: unknown) => {
        throw saidOf(place, path, error);
      });
      const fresh = new FreshFile(place, path, handle);
      if (like !== undefined) await resemble(handle, like);
      if (isLocked(handle.fd) !== false && fstatSync(handle.fd).nlink > 0) return fresh;
      await fresh[Symbol.asyncDispose](); // a sweep came between its making and its lock
    }
  }

  /** Puts it in its place, instead of what is there. */
  async settle(): Promise<void> {
    await rename(this.path, this.#place).catch((error: unknown) => {
      throw saidOf(this.#place, this.path, error);
    });
    this.#isSettled = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isSettled) await rm(this.path, { force: true });
    await this.handle.close();
  }
}

/** Removes what was begun for such places (names in the folder) and is written by nobody any more. Idempotent; never fails. */
export async function sweepFresh(folder: string, isOurs: (place: string) => boolean): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const place = FRESH.exec(name)?.groups?.["place"];
    if (place !== undefined && isOurs(place)) removeAbandoned(join(folder, name));
  }
}

/** Likewise, for one place. */
export async function sweepBeside(place: string): Promise<void> {
  await sweepFresh(dirname(place), (name) => name === basename(place));
}

function removeAbandoned(path: string): void {
  try {
    const fd = openOwnFile(path, constants.O_WRONLY); // for writing: some file systems lock nothing else
    try {
      if (isLocked(fd) === true) rmSync(path, { force: true });
    } finally {
      closeSync(fd);
    }
  } catch {
    // somebody else's, or gone meanwhile
  }
}

/** False when another has it; undefined on a file system that has no locks, where nobody removes what others began. */
function isLocked(fd: number): boolean | undefined {
  try {
    return flock(fd, EXCLUSIVE | NO_WAIT);
  } catch {
    return undefined;
  }
}

/** Some file systems have neither owners nor permissions. */
async function resemble(handle: FileHandle, { mode, uid, gid }: Likeness): Promise<void> {
  if (uid !== undefined && gid !== undefined) await handle.chown(uid, gid).catch(() => {});
  await handle.chmod(mode & 0o777).catch(() => {});
}

/** Nobody knows the other name. */
function saidOf(place: string, path: string, error: unknown): unknown {
  return error instanceof Error ? Object.assign(error, { message: error.message.replaceAll(path, place) }) : error;
}
