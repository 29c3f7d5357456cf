/** Takes one file out of a ZIP archive. Spec: APPNOTE.TXT, sections 4.3.7, 4.3.12, 4.3.16. */
import { inflateRawSync } from "node:zlib";

const END = 0x06054b50;
const METHOD_STORED = 0;

/** @throws when it has no such entry */
export function unzipEntry(archive: Buffer, wanted: string): Buffer {
  let end = archive.length - 22;
  while (archive.readUInt32LE(end) !== END) end--;
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset)) as [number, number, number];
    if (archive.toString("utf8", at + 46, at + 46 + nameLength) === wanted) return content(archive, at);
    at += 46 + nameLength + extraLength + commentLength;
  }
  throw new Error(`Cannot find ${wanted} in the archive`);
}

/** `at` is its place in the central directory. */
function content(archive: Buffer, at: number): Buffer {
  const header = archive.readUInt32LE(at + 42);
  const start = header + 30 + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
  const bytes = archive.subarray(start, start + archive.readUInt32LE(at + 20));
  return archive.readUInt16LE(at + 10) === METHOD_STORED ? bytes : inflateRawSync(bytes);
}
