/** A text file line by line, of whatever length: no more than a line of it is in memory. */
import { readSync } from "node:fs";
import { StoreError } from "../errors.ts";

const CHUNK_BYTES = 64 << 10;
const NEWLINE = 0x0a;

/** Without their ends. @throws {StoreError} `SIZE_MISMATCH` for a line longer than `limit` bytes */
export function* readLines(fd: number, path: string, limit: number): Generator<string> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let rest: Buffer = Buffer.alloc(0);
  for (let size = readSync(fd, chunk); size > 0; size = readSync(fd, chunk)) {
    let text = Buffer.concat([rest, chunk.subarray(0, size)]);
    for (let end = text.indexOf(NEWLINE); end >= 0; end = text.indexOf(NEWLINE)) {
      yield text.toString("utf8", 0, end);
      text = text.subarray(end + 1);
    }
    if (text.length > limit) throw new StoreError("SIZE_MISMATCH", `Cannot read ${path}: it has a line longer than ${limit} bytes`);
    rest = text;
  }
  if (rest.length > 0) yield rest.toString("utf8");
}
