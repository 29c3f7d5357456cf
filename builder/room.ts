/** What comes from elsewhere must not fill the disk: it is asked before each larger piece whether that would leave enough for everybody else. */
import { statfsSync } from "node:fs";

/** Bytes that are left free. */
export const RESERVED_BYTES = 128 << 20;
/** So much may come between two looks at the disk. */
export const LOOK_EVERY_BYTES = 32 << 20;

/** Of the disk that `folder` is on. */
export class Room {
  readonly #folder: string;
  /** Bytes that are taken later: holes of sparse files, which the layer's tar has in full. */
  #owed = 0;
  #since = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** False when `bytes` more, and `holes` in time, would leave too little. */
  has(bytes: number, holes = 0): boolean {
    this.#owed += holes;
    this.#since += bytes + holes;
    if (this.#since < LOOK_EVERY_BYTES) return true;
    this.#since = 0;
    return bytes + this.#owed <= freeBytes(this.#folder);
  }
}

/** Beyond the reserve; may be negative. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize - RESERVED_BYTES;
}
