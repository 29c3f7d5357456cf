/** A digest and random names without node:crypto, which takes 9 ms to load. */
import { addon } from "./addon.ts";

/** Hex. */
export function sha256Hex(text: string): string {
  return addon().sha256(Buffer.from(text)) ?? process.getBuiltinModule("node:crypto").createHash("sha256").update(text).digest("hex");
}

/** `count` bytes, of the kernel's. */
export function randomHex(count: number): string {
  return addon().random(count);
}

/** A whole number from 0 up to `end`, which is far below 2^32: what that is uneven by cannot be seen. */
export function randomBelow(end: number): number {
  return Number.parseInt(randomHex(4), 16) % end;
}
