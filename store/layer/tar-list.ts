/**
 * What a wide layer's tar is made of, kept beside its folder: wishes that only read (see wishes.ts), in the tar's order, after the digest
 * of them all. The tar of the same layer with a few changes is made from it without looking at the other entries.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { encodeName } from "../file-names.ts";
import type { LayerEntry } from "../store.ts";
import { canonicalTar, type FileReader } from "./canonical.ts";
import { headerWish, wishAt, type Wish } from "./wishes.ts";

const DIGEST_BYTES = 32;
/** canonicalTar closes with two empty blocks. */
const END_BYTES = 1024;

export function saveTarList(path: string, wishes: Buffer): void {
  writeFileSync(path, Buffer.concat([digestOf(wishes), wishes]));
}

/** Undefined when there is none or it is damaged. */
export function loadTarList(path: string): Buffer | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return undefined;
  }
  const wishes = bytes.subarray(DIGEST_BYTES);
  return digestOf(wishes).equals(bytes.subarray(0, DIGEST_BYTES)) ? wishes : undefined;
}

function digestOf(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** The list with `entries` (their bytes at hand) in their places, for those of the same path too, and without `removed`; undefined when it does not fit. */
export function amendTarList(list: Buffer, entries: readonly LayerEntry[], removed: readonly string[]): Buffer[] | undefined {
  const changes = [
    ...entries.map((entry) => ({ path: encodeName(entry.path), entry })),
    ...removed.map((path) => ({ path: encodeName(path), entry: undefined })),
  ];
  changes.sort((a, b) => Buffer.compare(a.path, b.path));
  const pieces: Buffer[] = [];
  let next = 0;
  let from = 0;
  for (let at = 0; at < list.length;) {
    const wish = wishAt(list, at);
    for (; next < changes.length; next++) {
      const { path, entry } = changes[next]!;
      const order = wish.pathStart === wish.pathEnd ? -1 : path.compare(list, wish.pathStart, wish.pathEnd); // the end of the archive has no path
      if (order > 0) break;
      if (order < 0 ? entry === undefined : entry !== undefined && !canReplace(wish, entry)) return undefined;
      pieces.push(list.subarray(from, at), ...(entry === undefined ? [] : [inline(entry)]));
      from = order === 0 ? wish.end : at;
    }
    at = wish.end;
  }
  return [...pieces, list.subarray(from)];
}

/** A folder has more below it; what came with a header of its own may be one. */
function canReplace({ type }: Wish, entry: LayerEntry): boolean {
  return type === "r" ? entry.type === "file" : type === "D" ? entry.type === "directory" : entry.type === "symlink";
}

/** Header and content as one. */
function inline(entry: LayerEntry): Buffer {
  const tar = Buffer.concat([...canonicalTar([entry], contentReader())].map((bytes) => Buffer.from(bytes)));
  return headerWish(tar.subarray(0, -END_BYTES));
}

function contentReader(): FileReader {
  let content: Uint8Array = new Uint8Array();
  let at = 0;
  return {
    open({ source }) {
      content = source !== undefined && "bytes" in source ? source.bytes : new Uint8Array();
      at = 0;
      return content.length;
    },
    read(buffer, to, length) {
      const piece = content.subarray(at, at + length);
      buffer.set(piece, to);
      at += piece.length;
      return piece.length;
    },
    close: () => undefined,
  };
}
