/**
 * Removes a folder that programs we do not trust wrote into. No link is ever followed, also not one that is put in the place of a folder
 * meanwhile: every folder is opened as such and used through its descriptor. Folders are lifted to the top before they are emptied,
 * so that neither the depth of a tree nor the length of its paths matters. Names are bytes: they need not be text.
 */
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { open, opendir, rename, rmdir, unlink, type FileHandle } from "node:fs/promises";

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Idempotent; a link is removed itself. */
export async function removeTree(path: string): Promise<void> {
  const top = await openFolder(path);
  if (top === undefined) return await unlessGone(unlink(path));
  const mark = randomUUID();
  let count = 0;
  const lift = async (path: Buffer): Promise<void> => await unlessGone(rename(path, at(top, `${mark}.${count++}`)));
  try {
    while (await removeEntries(top, async (folder) => await emptyOut(folder, lift)));
  } finally {
    await top.close();
  }
  await unlessGone(rmdir(path));
}

/** Undefined when it is none, or not there. */
async function openFolder(path: string | Buffer): Promise<FileHandle | undefined> {
  try {
    return await open(path, FOLDER);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(codeOf(error))) return undefined;
    throw error;
  }
}

/** Its folders go to the top, where the next round meets them; then it goes itself. */
async function emptyOut(path: Buffer, lift: (inner: Buffer) => Promise<void>): Promise<void> {
  const folder = await openFolder(path);
  if (folder === undefined) return await unlessGone(unlink(path));
  try {
    await removeEntries(folder, lift);
  } finally {
    await folder.close();
  }
  await unlessGone(rmdir(path).catch(unlessFilled));
}

/** Unlinks what is no folder and calls `onFolder` for the rest; false when there was nothing. */
async function removeEntries(folder: FileHandle, onFolder: (path: Buffer) => Promise<void>): Promise<boolean> {
  let found = false;
  for await (const { name } of await opendir(at(folder, ""), { encoding: "latin1" })) {
    found = true;
    const path = at(folder, name);
    try {
      await unlessGone(unlink(path));
    } catch (error) {
      if (!["EISDIR", "EPERM"].includes(codeOf(error))) throw error;
      await onFolder(path);
    }
  }
  return found;
}

/** `name` in Latin-1: a character for each byte. */
function at(folder: FileHandle, name: string): Buffer {
  return Buffer.from(`/proc/self/fd/${folder.fd}/${name}`, "latin1");
}

/** Someone still writes into it: the next round. */
function unlessFilled(error: unknown): void {
  if (codeOf(error) !== "ENOTEMPTY") throw error;
}

async function unlessGone(outcome: Promise<void>): Promise<void> {
  await outcome.catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
