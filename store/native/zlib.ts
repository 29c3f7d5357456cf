/** The zlib that Node is linked with, past its streams: those make objects and copies for every block. See docs/decisions/gzip.md and inflate.md. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** zlib's own numbers. */
export const Z_OK = 0;
export const Z_STREAM_END = 1;
export const Z_DATA_ERROR = -3;
export const Z_BUF_ERROR = -5;

/** A gzip stream being read. */
export type InflateStream = object & { readonly opened: unique symbol };

export interface Zlib {
  readonly openInflate: () => InflateStream;
  /** Another member begins. */
  readonly resetInflate: (stream: InflateStream) => void;
  /** `counts` become the bytes that were read and those that were written. Gives zlib's code. */
  readonly inflate: (stream: InflateStream, input: Uint8Array, output: Uint8Array, counts: Int32Array) => number;
  /**
   * On a thread of the pool: a block of raw deflate that ends on a byte. What does not shrink is only wrapped.
   * `result` becomes the bytes written and the block's CRC-32. Nothing that it is given may change meanwhile.
   */
  readonly deflate: (block: Uint8Array, dictionary: Uint8Array, output: Uint8Array, result: Uint32Array, level: number) => Promise<void>;
  /** CRC-32 of bytes that have the first, followed by `length` bytes that have the second. */
  readonly joinCrc: (first: number, second: number, length: number) => number;
}

export function zlib(): Zlib {
  return createRequire(import.meta.url)(fileURLToPath(new URL("../../../build/Release/strata-zlib.node", import.meta.url))) as Zlib;
}
