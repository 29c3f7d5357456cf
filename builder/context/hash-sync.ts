/** Reads and hashes files one after the other, without a hop through the thread pool for each. */
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { filePath } from "../../store/file-names.ts";

const BUFFER_BYTES = 1 << 20;
/** What open says of a file that is gone, or no plain file any more. */
const GONE: readonly (string | undefined)[] = ["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"];

/** Hex sha256 of each; "" for one that is gone since it was seen. */
export function hashAll(files: readonly string[]): readonly string[] {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  return files.map((file) => hashFile(file, buffer));
}

function hashFile(file: string, buffer: Buffer): string {
  const fd = openFile(file);
  if (fd === undefined) return "";
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return "";
    const hash = createHash("sha256");
    // No further than it reached when it was opened: somebody may add to it for ever.
    for (let left = stat.size; left > 0;) {
      const read = readSync(fd, buffer, 0, Math.min(left, buffer.length), null);
      if (read === 0) break;
      hash.update(buffer.subarray(0, read));
      left -= read;
    }
    return hash.digest("hex");
  } finally {
    closeSync(fd);
  }
}

function openFile(file: string): number | undefined {
  try {
    return openSync(filePath(file), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (GONE.includes((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
}
