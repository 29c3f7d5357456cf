/** Large files, the same on every run: what no compression shrinks, and text. */
import { createCipheriv } from "node:crypto";
import { open } from "node:fs/promises";

const MIB = 1 << 20;

/** The key stream of a cipher: the same bytes each time, and none repeats. */
export function noise(): (bytes: number) => Buffer {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16));
  return (bytes) => cipher.update(Buffer.alloc(bytes));
}

export async function writeNoise(path: string, mebibytes: number): Promise<void> {
  const next = noise();
  await fill(path, mebibytes, () => next(MIB));
}

export async function writeText(path: string, mebibytes: number): Promise<void> {
  await fill(path, mebibytes, textOf);
}

async function fill(path: string, mebibytes: number, block: (index: number) => Uint8Array): Promise<void> {
  await using file = await open(path, "w");
  for (let index = 0; index < mebibytes; index++) await file.write(block(index));
}

/** A mebibyte of lines as a log has them. */
function textOf(index: number): Buffer {
  const line = (at: number): string =>
    `2024-01-01T00:00:00.${String(at % 1000).padStart(3, "0")}Z info request ${index * 8192 + at} served in ${(at * 37) % 211} ms\n`;
  return Buffer.from(Array.from({ length: 20_000 }, (_, at) => line(at)).join("")).subarray(0, MIB);
}
