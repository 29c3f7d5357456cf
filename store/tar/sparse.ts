/**
 * Sparse members of a foreign tar, in GNU's old form (type S) and its PAX forms 0.0, 0.1 and 1.0: which parts of a file the archive has.
 * The rest are holes, and stay holes on the disk. Spec: GNU tar manual, "Sparse Formats".
 */
import { ftruncateSync, writeSync } from "node:fs";
import { StoreError } from "../errors.ts";
import type { Segment, TarMember } from "./member.ts";

/** Bytes: a map is held in memory. */
export const MAX_MAP_BYTES = 1 << 20;

/** Offsets and lengths by turns. @throws {StoreError} `LAYER_INVALID` */
export function segmentsOf(name: string, numbers: readonly number[]): Segment[] {
  if (numbers.length % 2 !== 0) throw invalid(name, "an offset in its sparse map has no length");
  const segments: Segment[] = [];
  for (let at = 0; at < numbers.length; at += 2) segments.push({ offset: numbers[at]!, length: numbers[at + 1]! });
  return segments;
}

/** The text of PAX 0.1, or that of 0.0 joined to it. */
export function parseMap(text: string): number[] {
  return text === "" ? [] : text.split(",").map(parseNumber);
}

export function parseNumber(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** In order, apart, within the file, and as long together as what the archive holds. @throws {StoreError} `LAYER_INVALID` */
export function checkSegments(name: string, segments: readonly Segment[], size: number, stored: number): void {
  if (!isCount(size)) throw invalid(name, "its real size is no number");
  let end = 0;
  let total = 0;
  for (const { offset, length } of segments) {
    if (!isCount(offset) || !isCount(length)) throw invalid(name, "its sparse map has something that is no number");
    if (offset < end) throw invalid(name, "parts in its sparse map overlap or are out of order");
    end = offset + length;
    total += length;
    if (end > size) throw invalid(name, `its sparse map reaches beyond its size of ${size} bytes`);
  }
  if (total !== stored) throw invalid(name, `its sparse map is of ${total} bytes, and the archive has ${stored}`);
}

/** `fd` is of an empty file. */
export function writeContent(fd: number, { size, segments }: Pick<TarMember, "size" | "segments">, content: Iterable<Buffer>): void {
  if (segments === undefined) {
    for (const piece of content) for (let at = 0; at < piece.length;) at += writeSync(fd, piece, at);
    return;
  }
  ftruncateSync(fd, size);
  let [segment, within] = [0, 0];
  for (const piece of content) {
    for (let at = 0; at < piece.length;) {
      while (segments[segment]!.length === within) [segment, within] = [segment + 1, 0];
      const { offset, length } = segments[segment]!;
      const written = writeSync(fd, piece, at, Math.min(piece.length - at, length - within), offset + within);
      at += written;
      within += written;
    }
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function invalid(name: string, reason: string): StoreError {
  return new StoreError("LAYER_INVALID", `Cannot read tar entry ${name}: ${reason}`);
}
