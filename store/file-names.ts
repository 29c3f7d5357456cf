/**
 * Names of files are bytes; here they are strings. A byte that is no part of UTF-8 stands as a lone surrogate, U+DC00 plus the byte,
 * so every name comes out as it went in. Whatever hands a name to the kernel or writes it down goes through this file.
 */
import { isUtf8 } from "node:buffer";
import { readdirSync, readlinkSync, type Dirent } from "node:fs";

const STRAY = 0xdc00;
const REPLACEMENT = "\ufffd";

export function decodeName(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  return text.includes(REPLACEMENT) ? decodeStray(bytes) : text;
}

export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name);
  const parts = name.split(/([\udc80-\udcff]+)/u); // every second one is stray
  return Buffer.concat(parts.map((part, index) => (index % 2 === 0 ? Buffer.from(part) : Buffer.from(part, "latin1"))));
}

/** For calls of node:fs, which would turn a stray byte into a replacement character. */
export function filePath(path: string): string | Buffer {
  return path.isWellFormed() ? path : encodeName(path);
}

/** Bytes written. */
export function writeName(buffer: Buffer, name: string, at: number): number {
  return name.isWellFormed() ? buffer.write(name, at) : encodeName(name).copy(buffer, at);
}

/** A name as a key of a record, whose texts have to be UTF-8. */
export function nameKey(name: string): string {
  return name.isWellFormed() ? name : `\0${encodeName(name).toString("base64")}`;
}

export function listNames(folder: string): string[] {
  const path = filePath(folder);
  const names = readdirSync(path);
  return names.some(isSuspect) ? readdirSync(path, { encoding: "buffer" }).map(decodeName) : names;
}

export function listTyped(folder: string): readonly { readonly name: string; readonly type: Pick<Dirent, "isCharacterDevice"> }[] {
  const path = filePath(folder);
  const entries = readdirSync(path, { withFileTypes: true });
  if (!entries.some(({ name }) => isSuspect(name))) return entries.map((type) => ({ name: type.name, type }));
  return readdirSync(path, { withFileTypes: true, encoding: "buffer" }).map((type) => ({ name: decodeName(type.name), type }));
}

export function readLink(path: string): string {
  const target = readlinkSync(filePath(path));
  return isSuspect(target) ? decodeName(readlinkSync(filePath(path), "buffer")) : target;
}

function isSuspect(name: string): boolean {
  return name.includes(REPLACEMENT);
}

function decodeStray(bytes: Buffer): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at]!);
    const sequence = bytes.subarray(at, at + length);
    if (length > 0 && sequence.length === length && isUtf8(sequence)) {
      text += sequence.toString("utf8");
      at += length;
    } else text += String.fromCharCode(STRAY + bytes[at++]!);
  }
  return text;
}

/** Of a UTF-8 sequence that begins so; 0 when none does. */
function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/** Bytewise, in place. UTF-16 order is byte order but for surrogates: only then are bytes compared. */
export function sortByName<Entry>(entries: Entry[], nameOf: (entry: Entry) => string): Entry[] {
  if (!entries.some((entry) => /[\ud800-\udfff]/.test(nameOf(entry))))
    return entries.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0));
  const named = entries.map((entry) => ({ bytes: encodeName(nameOf(entry)), entry })).sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  named.forEach(({ entry }, index) => (entries[index] = entry));
  return entries;
}
