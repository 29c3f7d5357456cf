/**
 * What an ELF file says about how it is loaded: its interpreter and the libraries it needs, read without running anything.
 * Spec: System V ABI, "Object Files" and "Dynamic Linking"; elf(5).
 */
import { BuilderError } from "../errors.ts";

export interface Elf {
  /** Class and machine: a library serves a program when these are the same. */
  readonly architecture: string;
  /** Path of the dynamic loader; absent in libraries and static programs. */
  readonly interpreter: string | undefined;
  readonly needed: readonly string[];
  readonly soname: string | undefined;
  /** Folders searched for this file's libraries and, when there is no runpath, for theirs. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
}

/** `length` bytes from `offset` on, fewer at the end of the file. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_LOAD = 1;
const DT = { null: 0, needed: 1, strtab: 5, soname: 14, rpath: 15, runpath: 29 } as const;
const MAX_STRING_BYTES = 4096;
const MAX_DYNAMIC_BYTES = 1 << 20;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  /** Bytes in the file. */
  readonly size: number;
}

interface Header {
  readonly wide: boolean;
  readonly little: boolean;
  readonly machine: number;
  readonly segments: readonly Segment[];
}

/** Undefined when it is no ELF file. @throws {BuilderError} `ELF_INVALID` for one that is damaged */
export function parseElf(read: ReadAt): Elf | undefined {
  const ident = read(0, 16);
  if (ident.length < 4 || ident[0] !== 0x7f || ident[1] !== 0x45 || ident[2] !== 0x4c || ident[3] !== 0x46) return undefined;
  const header = readHeader(ident, read);
  const interpreter = header.segments.find((segment) => segment.type === PT_INTERP);
  const dynamic = header.segments.find((segment) => segment.type === PT_DYNAMIC);
  return {
    architecture: `${header.wide ? 64 : 32}-${header.little ? "le" : "be"}-${header.machine}`,
    interpreter: interpreter === undefined ? undefined : readString(read, interpreter.offset),
    ...(dynamic === undefined ? { needed: [], soname: undefined, rpath: [], runpath: [] } : readDynamic(header, dynamic, read)),
  };
}

function readHeader(ident: Uint8Array, read: ReadAt): Header {
  const [kind, order] = [ident[4], ident[5]];
  if ((kind !== 1 && kind !== 2) || (order !== 1 && order !== 2)) throw damaged(`class ${kind} and byte order ${order} are unknown`);
  const [wide, little] = [kind === 2, order === 1];
  const view = viewOf(read(0, wide ? 64 : 52), wide ? 64 : 52, "file header");
  const table = wide ? word64(view, 32, little) : view.getUint32(28, little);
  const entrySize = view.getUint16(wide ? 54 : 42, little);
  const count = view.getUint16(wide ? 56 : 44, little);
  if (count > 0 && entrySize < (wide ? 56 : 32)) throw damaged(`a program header has ${entrySize} bytes`);
  const headers = viewOf(read(table, entrySize * count), entrySize * count, "program headers");
  const segments = Array.from({ length: count }, (_, index) => readSegment(headers, index * entrySize, wide, little));
  return { wide, little, machine: view.getUint16(18, little), segments };
}

function readSegment(view: DataView, at: number, wide: boolean, little: boolean): Segment {
  const type = view.getUint32(at, little);
  if (wide) return { type, offset: word64(view, at + 8, little), address: word64(view, at + 16, little), size: word64(view, at + 32, little) };
  return { type, offset: view.getUint32(at + 4, little), address: view.getUint32(at + 8, little), size: view.getUint32(at + 16, little) };
}

function readDynamic(header: Header, segment: Segment, read: ReadAt): Omit<Elf, "architecture" | "interpreter"> {
  if (segment.size > MAX_DYNAMIC_BYTES) throw damaged(`the dynamic section has ${segment.size} bytes`);
  const entries = dynamicEntries(header, viewOf(read(segment.offset, segment.size), segment.size, "dynamic section"));
  const table = entries.find(([tag]) => tag === DT.strtab)?.[1];
  const strings = (wanted: number): readonly string[] =>
    entries.filter(([tag]) => tag === wanted).map(([, value]) => readString(read, fileOffset(header, table ?? 0) + value));
  const folders = (wanted: number): readonly string[] => strings(wanted).flatMap((list) => list.split(":").filter((folder) => folder !== ""));
  return { needed: strings(DT.needed), soname: strings(DT.soname)[0], rpath: folders(DT.rpath), runpath: folders(DT.runpath) };
}

function dynamicEntries({ wide, little }: Header, view: DataView): readonly (readonly [tag: number, value: number])[] {
  const size = wide ? 16 : 8;
  const entries: (readonly [number, number])[] = [];
  for (let at = 0; at + size <= view.byteLength; at += size) {
    const tag = wide ? Number(view.getBigInt64(at, little)) : view.getInt32(at, little);
    if (tag === DT.null) break;
    entries.push([tag, wide ? Number(view.getBigUint64(at + 8, little)) : view.getUint32(at + 4, little)]);
  }
  return entries;
}

/** The dynamic section speaks of addresses in memory; the loaded segments say where these are in the file. */
function fileOffset(header: Header, address: number): number {
  const segment = header.segments.find((one) => one.type === PT_LOAD && address >= one.address && address < one.address + one.size);
  if (segment === undefined) throw damaged(`address ${address} is in no loaded segment`);
  return address - segment.address + segment.offset;
}

function readString(read: ReadAt, offset: number): string {
  const bytes = read(offset, MAX_STRING_BYTES);
  const end = bytes.indexOf(0);
  if (end < 0) throw damaged(`the text at ${offset} has no end`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString("utf8");
}

function word64(view: DataView, at: number, little: boolean): number {
  const value = view.getBigUint64(at, little);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(`${value} is no place in a file`);
  return Number(value);
}

function viewOf(bytes: Uint8Array, length: number, what: string): DataView {
  if (bytes.length < length) throw damaged(`its ${what} ends after ${bytes.length} of ${length} bytes`);
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}

function damaged(state: string): BuilderError {
  return new BuilderError("ELF_INVALID", `Cannot read an ELF file: ${state}`);
}
