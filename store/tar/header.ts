/**
 * Headers of the canonical tar: the same entry gives the same bytes on every machine. ustar, with PAX only where a field cannot hold its value.
 * Spec: POSIX.1-2024 pax, "ustar Interchange Format"; image-spec v1.1, layer.md.
 */
import { encodeName } from "../file-names.ts";

export type TarType = "file" | "hardlink" | "symlink" | "character" | "block" | "directory" | "fifo";

export interface TarHeader {
  /** Without trailing slash. */
  readonly name: string;
  readonly type: TarType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds. */
  readonly mtime: number;
  /** Bytes of content that follow. */
  readonly size: number;
  readonly target?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
}

export const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
const MAX_ID = 0o7777777;
const MAX_NUMBER = 0o77777777777;
const TYPE_FLAG: Readonly<Record<TarType, string>> = { file: "0", hardlink: "1", symlink: "2", character: "3", block: "4", directory: "5", fifo: "6" };

/** One block, or three and more when PAX is needed. */
export function encodeHeader(header: TarHeader): Buffer {
  const name = header.type === "directory" ? `${header.name}/` : header.name;
  const fields = { ...header, name, target: header.target ?? "" };
  const records = paxRecords(fields);
  if (records.length === 0) return encodeBlock(fields, TYPE_FLAG[header.type]);
  const content = Buffer.concat(records);
  const padding = Buffer.alloc(paddingOf(content.length));
  const pax = { name: "PaxHeaders.0", target: "", mode: 0o644, uid: 0, gid: 0, mtime: 0, size: content.length };
  return Buffer.concat([encodeBlock(pax, "x"), content, padding, encodeBlock(fields, TYPE_FLAG[header.type])]);
}

/** Neither PAX nor a prefix is needed: most headers, and cheaply told. */
export function fitsBlock({ name, type, mtime, size, uid, gid, xattrs }: TarHeader): boolean {
  const isShort = name.length < NAME_BYTES || (name.length === NAME_BYTES && type !== "directory");
  return isShort && uid <= MAX_ID && gid <= MAX_ID && mtime >= 0 && mtime <= MAX_NUMBER && size <= MAX_NUMBER && xattrs === undefined && isAscii(name);
}

/** Zero bytes that fill the last block. */
export function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

interface Fields extends Omit<TarHeader, "type" | "target"> {
  readonly target: string;
}

function paxRecords(fields: Fields): Buffer[] {
  const records: Buffer[] = [];
  for (const name of Object.keys(fields.xattrs ?? {}).sort()) records.push(paxRecord(`SCHILY.xattr.${name}`, fields.xattrs![name]!));
  const text = (key: string, value: string | number): number => records.push(paxRecord(key, encodeName(String(value))));
  if (fields.gid > MAX_ID) text("gid", fields.gid);
  if (!isAscii(fields.target) || fields.target.length > NAME_BYTES) text("linkpath", fields.target);
  if (fields.mtime < 0 || fields.mtime > MAX_NUMBER) text("mtime", fields.mtime);
  if (splitName(fields.name) === undefined) text("path", fields.name);
  if (fields.size > MAX_NUMBER) text("size", fields.size);
  if (fields.uid > MAX_ID) text("uid", fields.uid);
  return records;
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function paxRecord(key: string, value: Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** Where `name` is cut into prefix and name, or undefined when ustar cannot hold it. */
function splitName(name: string): readonly [prefix: string, name: string] | undefined {
  if (!isAscii(name)) return undefined;
  if (name.length <= NAME_BYTES) return ["", name];
  const cut = name.indexOf("/", name.length - NAME_BYTES - 1);
  if (cut < 1 || cut > PREFIX_BYTES || cut === name.length - 1) return undefined;
  return [name.slice(0, cut), name.slice(cut + 1)];
}

function encodeBlock(fields: Fields, flag: string): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const [prefix, name] = splitName(fields.name) ?? ["", ascii(fields.name)];
  block.write(name, 0, NAME_BYTES, "latin1");
  octal(block, fields.mode, 100, 7);
  octal(block, fields.uid > MAX_ID ? 0 : fields.uid, 108, 7);
  octal(block, fields.gid > MAX_ID ? 0 : fields.gid, 116, 7);
  octal(block, fields.size > MAX_NUMBER ? 0 : fields.size, 124, 11);
  octal(block, fields.mtime < 0 || fields.mtime > MAX_NUMBER ? 0 : fields.mtime, 136, 11);
  block.write(flag, 156, 1, "latin1");
  if (fields.target !== "") block.write(ascii(fields.target), 157, NAME_BYTES, "latin1");
  block.write("ustar\u000000", 257, 8, "latin1");
  octal(block, fields.major ?? 0, 329, 7);
  octal(block, fields.minor ?? 0, 337, 7);
  if (prefix !== "") block.write(prefix, 345, PREFIX_BYTES, "latin1");
  seal(block);
  return block;
}

function octal(block: Buffer, value: number, at: number, digits: number): void {
  for (let left = value, index = at + digits - 1; index >= at; index--) {
    block[index] = 48 + (left % 8);
    left = Math.floor(left / 8);
  }
}

/** The checksum counts its own field as eight spaces. */
function seal(block: Buffer): void {
  let sum = 8 * 32;
  for (const byte of block) sum += byte;
  octal(block, sum, 148, 6);
  block[155] = 32;
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}

/** What an old reader that knows no PAX shows. */
function ascii(text: string): string {
  return isAscii(text) ? text : text.replaceAll(/[^\u0000-\u007f]/g, "");
}
