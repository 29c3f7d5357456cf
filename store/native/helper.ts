/** Runs the helper's `files` verb and turns its failure into an error. */
import { spawn, spawnSync } from "node:child_process";
import { StoreError } from "../errors.ts";

/** The widest tree's records in memory: about 100 bytes a file. */
const MAX_OUTPUT_BYTES = 1 << 30;

/** @throws {StoreError} `NATIVE_FAILED` */
export function runHelperSync(helper: string, args: readonly string[], input?: Uint8Array): Buffer {
  const { error, status, stdout, stderr } = spawnSync(helper, ["files", ...args], { maxBuffer: MAX_OUTPUT_BYTES, ...(input === undefined ? {} : { input }) });
  if (error !== undefined) throw failure(args, error.message, error);
  if (status !== 0) throw failure(args, stderr.toString().trim());
  return stdout;
}

/** As `runHelperSync`, without stopping the event loop. */
export async function runHelper(helper: string, args: readonly string[]): Promise<Buffer> {
  const child = spawn(helper, ["files", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  const words: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => words.push(chunk));
  return await new Promise((resolve, reject) => {
    child.on("error", (error) => reject(failure(args, error.message, error)));
    child.on("close", (status) => {
      if (status === 0) resolve(Buffer.concat(chunks));
      else reject(failure(args, Buffer.concat(words).toString().trim()));
    });
  });
}

function failure(args: readonly string[], reason: string, cause?: unknown): StoreError {
  return new StoreError("NATIVE_FAILED", `Cannot ${args[0]} the files of ${args[1]}: ${reason}`, { cause });
}
