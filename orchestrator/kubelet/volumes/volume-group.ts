/**
 * Gives a volume to a group: owner, and the right to write. Programs that we do not trust wrote into it, and may still: no link is followed,
 * every folder is used through its descriptor. Spec: Kubernetes documentation, "Configure a Security Context", fsGroup.
 */
import { constants } from "node:fs";
import { chmod, chown, lchown, open, opendir, type FileHandle } from "node:fs/promises";

/** Linux: a descriptor that only names a file, of whatever kind. */
const O_PATH = 0o10000000;
const [GROUP_WRITES, GROUP_ENTERS, SET_GROUP] = [0o660, 0o110, 0o2000];
/** Each level keeps a descriptor open. */
const MAX_DEPTH = 256;

/** `OnRootMismatch`: a top folder that is right already speaks for all. Idempotent. */
export async function giveToGroup(path: string, group: number, policy: "Always" | "OnRootMismatch"): Promise<void> {
  const top = await open(path, O_PATH);
  try {
    const { gid, mode } = await top.stat();
    const wanted = GROUP_WRITES | GROUP_ENTERS | SET_GROUP;
    if (policy === "OnRootMismatch" && gid === group && (mode & wanted) === wanted) return;
    await giveOne(top, group);
    await giveInside(top, group, 0);
  } finally {
    await top.close();
  }
}

async function giveInside(parent: FileHandle, group: number, depth: number): Promise<void> {
  if (!(await parent.stat()).isDirectory()) return;
  if (depth > MAX_DEPTH) throw new Error(`folders are more than ${MAX_DEPTH} deep`);
  for await (const { name } of await opendir(at(parent, "."), { encoding: "latin1" })) {
    const child = await openUnlessGone(at(parent, name));
    if (child === undefined) continue;
    try {
      if ((await child.stat()).isSymbolicLink()) await lchown(at(parent, name), (await child.stat()).uid, group).catch(unlessGone);
      else await giveOne(child, group);
      await giveInside(child, group, depth + 1);
    } finally {
      await child.close();
    }
  }
}

/** By descriptor: what it opened, whatever the name means by now. Owner first: changing it clears bits of the mode. */
async function giveOne(file: FileHandle, group: number): Promise<void> {
  const self = `/proc/self/fd/${file.fd}`;
  const stats = await file.stat();
  await chown(self, stats.uid, group);
  await chmod(self, (stats.mode & 0o7777) | GROUP_WRITES | (stats.isDirectory() ? GROUP_ENTERS | SET_GROUP : 0));
}

async function openUnlessGone(path: Buffer): Promise<FileHandle | undefined> {
  return await open(path, O_PATH | constants.O_NOFOLLOW).catch(unlessGone);
}

function unlessGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

/** `name` in Latin-1: a character for each byte. */
function at(folder: FileHandle, name: string): Buffer {
  return Buffer.from(`/proc/self/fd/${folder.fd}/${name}`, "latin1");
}
