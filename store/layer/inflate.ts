/** A layer blob's uncompressed bytes, synchronously, for worker threads. Why zlib-sync: docs/decisions/inflate.md. */
import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, openSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { StoreError } from "../errors.ts";
import { ownedName } from "../owner.ts";
import type { Compression } from "../store.ts";
import { boundedProgram, hasReached, NOT_FOUND } from "./bounded-program.ts";
import { readGrowing } from "./growing.ts";

const READ_BYTES = 64 << 10;
const INFLATE_BYTES = 256 << 10;
/** zlib: gzip wrapping, 32 KiB window. */
const GZIP_WINDOW_BITS = 31;

/** The blob has several gzip members, which zlib-sync cannot tell apart: the caller begins again with a program. */
export class SeveralMembers extends Error {}

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

export function* inflate(task: Inflation, useProgram: boolean): Generator<Buffer> {
  const packed = readGrowing(task.blob, READ_BYTES, task.growth);
  if (task.compression === "none") return yield* packed;
  if (task.compression === "gzip" && !useProgram) return yield* gunzip(packed);
  while (packed.next().done !== true); // a program does not wait for what is still coming
  yield* throughProgram(task);
}

function* gunzip(packed: Iterable<Buffer>): Generator<Buffer> {
  const { Inflate, Z_SYNC_FLUSH, Z_STREAM_END, Z_OK, Z_BUF_ERROR } = createRequire(import.meta.url)("zlib-sync") as typeof import("zlib-sync");
  const stream = new Inflate({ windowBits: GZIP_WINDOW_BITS, chunkSize: INFLATE_BYTES });
  let total = 0;
  let tail = Buffer.alloc(0);
  for (const chunk of packed) {
    if (stream.err === Z_STREAM_END) throw new SeveralMembers();
    tail = Buffer.concat([tail, chunk.subarray(-4)]).subarray(-4);
    for (let input: Buffer = chunk; ; input = chunk.subarray(chunk.length)) {
      stream.push(input, Z_SYNC_FLUSH);
      if (stream.err === Z_BUF_ERROR) break; // nothing more to be had from what it was given
      if (stream.err !== Z_OK && stream.err !== Z_STREAM_END)
        throw new StoreError("LAYER_INVALID", `Cannot inflate layer: ${stream.msg ?? "its gzip data is damaged"}`);
      const result = stream.result as Buffer;
      total += result.length;
      if (result.length > 0) yield result;
      if (stream.err === Z_STREAM_END || result.length === 0) break;
    }
  }
  if (stream.err !== Z_STREAM_END) throw new StoreError("LAYER_INVALID", "Cannot inflate layer: its gzip data is cut short");
  if (tail.readUInt32LE(0) !== total % 2 ** 32) throw new SeveralMembers();
}

const PROGRAMS = { gzip: ["gzip", "-dc"], zstd: ["zstd", "-dc", "--quiet"] } as const;
/** gzip's "there was garbage after the data, which was left out". */
const GZIP_WARNING = 2;

function* throughProgram({ blob, compression, scratch, maxBytes }: Inflation): Generator<Buffer> {
  const [program, ...args] = PROGRAMS[compression === "zstd" ? "zstd" : "gzip"];
  const file = join(scratch, ownedName());
  const [input, output] = [openSync(blob, "r"), openSync(file, "wx+")];
  try {
    const command = maxBytes === undefined ? ([program, args] as const) : boundedProgram(program, args, maxBytes);
    const { status, stderr, error } = spawnSync(...command, { stdio: [input, output, "pipe"] });
    if (status === NOT_FOUND || (error !== undefined && "code" in error && error.code === "ENOENT")) {
      throw new StoreError("UNSUPPORTED", `Cannot inflate layer: it is compressed with ${program}, which is not installed`, {
        hint: `Install the package ${program}`,
      });
    }
    if (status !== 0 && maxBytes !== undefined && hasReached(fstatSync(output).size, maxBytes))
      throw new StoreError("LAYER_INVALID", `Cannot inflate layer: it is longer than the ${maxBytes} bytes that there is room for`);
    if (status !== 0 && !(program === "gzip" && status === GZIP_WARNING))
      throw new StoreError("LAYER_INVALID", `Cannot inflate layer: ${program} says ${String(stderr).trim()}`);
    yield* readGrowing(file, READ_BYTES);
  } finally {
    closeSync(input);
    closeSync(output);
    rmSync(file, { force: true });
  }
}
