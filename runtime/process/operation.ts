/**
 * Operations for the helper: a name and fields, done in order. Those before `clone` are the monitor's, those after it init's;
 * what each one means is told above its function under runtime/native.
 * Encoding (operations.h): u32 total, then records of a u32 count and fields of u32 length, bytes, NUL; little-endian.
 */

import { RuntimeError } from "../errors.ts";

export type Operation = readonly [name: string, ...fields: (string | number | Uint8Array)[]];

const FIRST_ROOM = 32 << 10;
const WORD = 4;
/** Of UTF-8, for a unit of a string. */
const MOST_BYTES = 3;

/** @throws {RuntimeError} `SPEC_INVALID` */
export function encodeOperations(operations: readonly Operation[]): Buffer {
  let bytes = Buffer.allocUnsafe(FIRST_ROOM);
  let words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = WORD;
  const makeRoom = (count: number): void => {
    if (at + count <= bytes.length) return;
    bytes = Buffer.concat([bytes], 2 * bytes.length + count);
    words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  };
  for (const operation of operations) {
    makeRoom(WORD);
    words.setUint32(at, operation.length, true);
    at += WORD;
    for (const field of operation) {
      const value = typeof field === "number" ? String(field) : field;
      // the kernel would see only what is before it, which is not what was checked
      if (typeof value === "string" && value.includes("\0"))
        throw new RuntimeError("SPEC_INVALID", `Cannot use ${JSON.stringify(value)}: it holds a byte of value 0`);
      makeRoom(WORD + MOST_BYTES * value.length + 1);
      const length = typeof value === "string" ? bytes.write(value, at + WORD) : value.length;
      if (typeof value === "object") bytes.set(value, at + WORD);
      words.setUint32(at, length, true);
      at += WORD + length;
      bytes[at++] = 0;
    }
  }
  words.setUint32(0, at - WORD, true);
  return bytes.subarray(0, at);
}
