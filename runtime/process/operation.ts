/**
 * Operations for the helper: a name and fields, done in order. Those before `clone` are the monitor's, those after it init's;
 * what each one means is told above its function under runtime/native.
 * Encoding (operations.h): u32 total, then records of a u32 count and fields of u32 length, bytes, NUL; little-endian.
 */

import { RuntimeError } from "../errors.ts";

export type Operation = readonly [name: string, ...fields: (string | number | Uint8Array)[]];

export function encodeOperations(operations: readonly Operation[]): Buffer {
  const parts: Buffer[] = [];
  for (const operation of operations) {
    parts.push(word(operation.length));
    for (const field of operation) {
      if (typeof field === "string" && field.includes("\0"))
        // the kernel would see only what is before it, which is not what was checked
        throw new RuntimeError("SPEC_INVALID", `Cannot use ${JSON.stringify(field)}: it holds a byte of value 0`);
      const bytes = typeof field === "object" ? Buffer.from(field) : Buffer.from(String(field));
      parts.push(word(bytes.length), bytes, NUL);
    }
  }
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([word(total), ...parts]);
}

const NUL = Buffer.alloc(1);

function word(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
