/**
 * zstd through its program: Node 20 has none of its own, and one packer on every machine is what makes the bytes the same.
 * Its workers share the input in jobs of a fixed size, so that their number does not show in the result.
 */
import { spawn } from "node:child_process";
import { pipeline } from "node:stream";
import { StoreError } from "../errors.ts";

export const ZSTD_LEVEL = 3;
/** From here on the program wants to be told that the memory is meant. */
const FIRST_ULTRA_LEVEL = 20;

/** `level` 1 to 22. */
export function zstd(content: AsyncIterable<Uint8Array>, level = ZSTD_LEVEL): AsyncIterable<Uint8Array> {
  return throughProgram(content, ["-T0", `-${level}`, ...(level < FIRST_ULTRA_LEVEL ? [] : ["--ultra"])]);
}

export function unzstd(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return throughProgram(content, ["-d"]);
}

/** @throws {StoreError} `UNSUPPORTED`, `LAYER_INVALID` */
async function* throughProgram(content: AsyncIterable<Uint8Array>, flags: readonly string[]): AsyncIterable<Uint8Array> {
  const child = spawn("zstd", ["-c", "-q", ...flags], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("close", resolve);
    child.on("error", (cause) =>
      reject(new StoreError("UNSUPPORTED", "Cannot use zstd: the program is not installed", { cause, hint: "Install the package zstd, or ask for gzip" })),
    );
  });
  ended.catch(() => undefined);
  let failure: Error | undefined;
  pipeline(content, child.stdin, (error) => (failure ??= error ?? undefined));
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    if ((await ended) !== 0) throw new StoreError("LAYER_INVALID", "Cannot read or write zstd data: the program failed", { cause: failure });
    if (failure !== undefined) throw failure;
  } finally {
    child.kill(); // of no effect when it has ended; whoever reads may stop early
  }
}
