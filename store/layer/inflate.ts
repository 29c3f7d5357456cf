/** A layer blob's uncompressed bytes, synchronously, for worker threads. Why by zlib itself: docs/decisions/inflate.md. */
import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../errors.ts";
import { Z_BUF_ERROR, Z_DATA_ERROR, Z_OK, Z_STREAM_END, zlib } from "../native/zlib.ts";
import { ownedName } from "../owner.ts";
import type { Compression } from "../store.ts";
import { boundedProgram, hasReached, NOT_FOUND } from "./bounded-program.ts";
import { readGrowing } from "./growing.ts";

const READ_BYTES = 128 << 10;
/** Stays in the processor's cache while it is hashed and written. */
const INFLATE_BYTES = 256 << 10;
/** Of a gzip member. */
const MAGIC_BYTES = 2;

export interface Inflation {
  readonly blob: string;
  readonly compression: Compression;
  /** The blob is still coming: see growing.ts. */
  readonly growth?: SharedArrayBuffer;
  /** Folder for a temporary file, when a program has to be asked. */
  readonly scratch: string;
  /** Bytes that this file may have. */
  readonly maxBytes?: number;
}

/** Yields one buffer again and again. @throws {StoreError} `LAYER_INVALID` */
export function* inflate(task: Inflation): Generator<Buffer> {
  const packed = readGrowing(task.blob, READ_BYTES, task.growth);
  if (task.compression === "none") return yield* packed;
  if (task.compression === "gzip") return yield* gunzip(packed);
  while (packed.next().done !== true); // a program does not wait for what is still coming
  yield* throughProgram(task);
}

/** Members one after the other, as gzip reads them: what stands behind the last and begins none is left out. */
function* gunzip(packed: Iterable<Buffer>): Generator<Buffer> {
  const { openInflate, resetInflate, inflate: step } = zlib();
  const stream = openInflate();
  const output = Buffer.allocUnsafeSlow(INFLATE_BYTES);
  const counts = new Int32Array(2);
  let [members, taken] = [0, 0]; // whole ones, and bytes of the present one
  for (const chunk of packed) {
    for (let at = 0, isFull = false; at < chunk.length || isFull;) {
      const code = step(stream, chunk.subarray(at), output, counts);
      at += counts[0]!;
      taken += counts[0]!;
      isFull = counts[1] === output.length;
      if (code === Z_DATA_ERROR && members > 0 && taken <= MAGIC_BYTES) return;
      if (code !== Z_OK && code !== Z_STREAM_END && code !== Z_BUF_ERROR)
        throw new StoreError("LAYER_INVALID", "Cannot inflate layer: its gzip data is damaged");
      if (counts[1]! > 0) yield output.subarray(0, counts[1]);
      if (code !== Z_STREAM_END) continue;
      resetInflate(stream);
      members += 1;
      taken = 0;
      isFull = false;
    }
  }
  if (members === 0 || taken >= MAGIC_BYTES) throw new StoreError("LAYER_INVALID", "Cannot inflate layer: its gzip data is cut short");
}

function* throughProgram({ blob, scratch, maxBytes }: Inflation): Generator<Buffer> {
  const program = "zstd";
  const args = ["-dc", "--quiet"];
  const file = join(scratch, ownedName());
  const input = openSync(blob, "r");
  let output: number | undefined;
  try {
    output = openSync(file, "wx+");
    const command = maxBytes === undefined ? ([program, args] as const) : boundedProgram(program, args, maxBytes);
    const { status, stderr, error } = spawnSync(...command, { stdio: [input, output, "pipe"] });
    if (status === NOT_FOUND || (error !== undefined && "code" in error && error.code === "ENOENT")) {
      throw new StoreError("UNSUPPORTED", `Cannot inflate layer: it is compressed with ${program}, which is not installed`, {
        hint: `Install the package ${program}`,
      });
    }
    if (status !== 0 && maxBytes !== undefined && hasReached(fstatSync(output).size, maxBytes))
      throw new StoreError("LAYER_INVALID", `Cannot inflate layer: it is longer than the ${maxBytes} bytes that there is room for`);
    if (status !== 0) throw new StoreError("LAYER_INVALID", `Cannot inflate layer: ${program} says ${String(stderr).trim()}`);
    yield* readGrowing(file, READ_BYTES);
  } finally {
    closeSync(input);
    if (output !== undefined) closeSync(output);
    rmSync(file, { force: true });
  }
}
