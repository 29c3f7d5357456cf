/** Reads and hashes files one after the other, without a hop through the thread pool for each. */
import { createHash } from "node:crypto";
import { closeSync, constants, openSync, readSync } from "node:fs";

const BUFFER_BYTES = 1 << 20;

/** Hex sha256 of each. */
export function hashAll(files: readonly string[]): readonly string[] {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  return files.map((file) => hashFile(file, buffer));
}

function hashFile(file: string, buffer: Buffer): string {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const hash = createHash("sha256");
    for (;;) {
      const read = readSync(fd, buffer, 0, buffer.length, null);
      if (read === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, read));
    }
  } finally {
    closeSync(fd);
  }
}
