/** Runs the tree tool (store/native/tree) and turns its failure into an error. */
import { spawn, spawnSync } from "node:child_process";
import type { Writable } from "node:stream";
import { StoreError } from "../errors.ts";

/** The widest tree's records in memory: about 100 bytes a file. */
const MAX_OUTPUT_BYTES = 1 << 30;

/** @throws {StoreError} `NATIVE_FAILED` */
export function runTreeToolSync(treeTool: string, args: readonly string[], input?: Uint8Array): Buffer {
  const { error, status, stdout, stderr } = spawnSync(treeTool, args, { maxBuffer: MAX_OUTPUT_BYTES, ...(input === undefined ? {} : { input }) });
  if (error !== undefined) throw failure(args, error.message, error);
  if (status !== 0) throw failure(args, stderr.toString().trim());
  return stdout;
}

/** As `runTreeToolSync`, without stopping the event loop. */
export async function runTreeTool(treeTool: string, args: readonly string[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await pipeTreeTool(treeTool, args, undefined, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks);
}

/** Sends `input`, when there is some, while it reads the output: neither is whole in memory. @throws {StoreError} `NATIVE_FAILED` */
export async function pipeTreeTool(
  treeTool: string,
  args: readonly string[],
  input: Iterable<Uint8Array> | undefined,
  onOutput: (chunk: Buffer) => void,
): Promise<void> {
  const child = spawn(treeTool, args, { stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
  const words: Buffer[] = [];
  child.stdout?.on("data", onOutput);
  child.stderr?.on("data", (chunk: Buffer) => words.push(chunk));
  const ended = new Promise<void>((resolve, reject) => {
    child.on("error", (error) => reject(failure(args, error.message, error)));
    child.on("close", (status) => {
      if (status === 0) resolve();
      else reject(failure(args, Buffer.concat(words).toString().trim()));
    });
  });
  try {
    if (child.stdin !== null && input !== undefined) await feed(child.stdin, input, ended);
  } catch (error) {
    child.kill();
    await ended.catch(() => undefined);
    throw error;
  }
  await ended;
}

async function feed(stdin: Writable, input: Iterable<Uint8Array>, ended: Promise<void>): Promise<void> {
  stdin.on("error", () => undefined); // it has ended before it read all: its status says why
  for (const piece of input) {
    if (!stdin.write(piece)) await Promise.race([ended, new Promise((resolve) => stdin.once("drain", resolve))]);
  }
  stdin.end();
}

function failure(args: readonly string[], reason: string, cause?: unknown): StoreError {
  return new StoreError("NATIVE_FAILED", `Cannot ${args[0]} the files of ${args[1]}: ${reason}`, { cause });
}
