/** Opens a file of a folder that programs may be changing: what was swapped for a link, a pipe or a device since it was looked at is not read. */
import { closeSync, constants, fstatSync, openSync, readlinkSync, realpathSync } from "node:fs";
import { StoreError } from "../errors.ts";
import { filePath } from "../file-names.ts";

/** Of Linux; Node does not name it. Opening so neither reads nor waits, whatever the path is. */
const O_PATH = 0o10000000;

/** `file` lies below `root`. @throws {StoreError} `PATH_ESCAPES` when what is found is no file below it */
export function openInside(root: string, file: string): { readonly fd: number; readonly size: number } {
  const place = openPlace(file);
  try {
    const self = `/proc/self/fd/${place}`;
    const stat = fstatSync(place);
    // where the kernel came out is the one thing that no swap of a parent can fake
    if (!stat.isFile() || !isBelow(realpathSync.native(filePath(root), "buffer"), readlinkSync(self, "buffer")))
      throw new StoreError("PATH_ESCAPES", `Cannot read ${file}: it was swapped for a link or a device while it was looked at`);
    return { fd: openSync(self, "r"), size: stat.size };
  } finally {
    closeSync(place);
  }
}

function openPlace(file: string): number {
  try {
    return openSync(filePath(file), O_PATH | constants.O_NOFOLLOW);
  } catch (cause) {
    throw new StoreError("PATH_ESCAPES", `Cannot read ${file}: it was moved or removed while it was looked at`, { cause });
  }
}

function isBelow(root: Buffer, path: Buffer): boolean {
  const prefix = root.length === 1 ? root : Buffer.concat([root, Buffer.from("/")]);
  return path.subarray(0, prefix.length).equals(prefix);
}
