/**
 * Room on the disk that a database has for itself, ahead of what it uses. lmdb damages the memory of its process when the disk is full,
 * and who cannot write cannot remove what fills it either. So the file is longer than what is in it, and what would not fit is refused before.
 */
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../errors.ts";
import { usedBytes } from "./meta.ts";

/** The pages that any transaction may have to copy. */
export const MARGIN_BYTES = 1 << 20;
/** As much more is taken at once. */
const AHEAD_BYTES = 2 << 20;
const CHUNK = Buffer.alloc(64 << 10);

export class Reserve implements Disposable {
  readonly #fd: number;

  constructor(folder: string) {
    this.#fd = openSync(join(folder, "data.mdb"), "a+"); // appending: never over what another process has written meanwhile
  }

  /** For a transaction that writes `bytes`. @throws {StoreError} `RECORDS_FAILED` when the disk has no room for it */
  ensure(bytes = 0): void {
    const needed = usedBytes(this.#fd) + 2 * bytes + MARGIN_BYTES;
    if (fstatSync(this.#fd).size >= needed) return;
    const cause = this.#grow(needed + AHEAD_BYTES);
    if (fstatSync(this.#fd).size < needed)
      throw new StoreError("RECORDS_FAILED", "Cannot write records: no space left on device", { cause, hint: "Make room on the disk" });
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** Why it grew no further. */
  #grow(size: number): unknown {
    try {
      while (fstatSync(this.#fd).size < size) writeSync(this.#fd, CHUNK);
      return undefined;
    } catch (error) {
      return error;
    }
  }
}
