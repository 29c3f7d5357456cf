/** Runs a small system program to its end; its stderr becomes the error. */
import { closeSync } from "node:fs";
import { openSocket } from "../../system/local-socket.ts";
import { socketPairs, startProgram } from "../../system/program.ts";
import { RuntimeError, type RuntimeErrorCode } from "../errors.ts";
import type { Lock } from "./lock.ts";

export interface CommandOptions {
  readonly input?: string;
  /** `Cannot <what>`. */
  readonly what: string;
  readonly code: RuntimeErrorCode;
  readonly hint?: string;
  /** Locks that it holds too: who is killed meanwhile does not leave it at work beside the next one. */
  readonly under?: readonly Pick<Lock, "fd">[] | undefined;
}

/** Resolves with stdout. @throws {RuntimeError} `code` */
export async function runCommand(file: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const fail = (found: string, cause?: unknown): RuntimeError =>
    new RuntimeError(options.code, `Cannot ${options.what}: ${found}`, { cause, ...(options.hint !== undefined && { hint: options.hint }) });
  const pairs = pairsFor(options.input === undefined ? 2 : 3, fail);
  const [output, errors] = [listen(pairs[0]), listen(pairs[1])];
  if (options.input !== undefined) speak(pairs[2], options.input);
  const files = [pairs[2]?.[1], pairs[0][1], pairs[1][1]];
  let ended;
  try {
    ({ ended } = startProgram(file, args, { files: [...files, ...(options.under ?? []).map(({ fd }) => fd)] }));
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error), error);
  } finally {
    for (const fd of files) if (fd !== undefined) closeSync(fd);
  }
  const [text, complaint, { status, signal }] = await Promise.all([output, errors, ended]);
  if (status === 0) return text;
  throw fail(complaint.trim() || `${file} ended with ${signal === undefined ? status : `signal ${signal}`}`);
}

type Pair = readonly [ours: number, theirs: number];

/** For stdout, stderr and, of three, stdin. */
function pairsFor(count: 2 | 3, fail: (found: string, cause?: unknown) => RuntimeError): readonly [Pair, Pair, Pair?] {
  try {
    return socketPairs(count) as readonly [Pair, Pair, Pair?];
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error), error);
  }
}

/** All that comes from a program, until it and whoever has its end have closed that. */
async function listen([ours]: Pair): Promise<string> {
  const pieces: Buffer[] = [];
  return await new Promise((resolve) => {
    openSocket(ours, { data: (bytes) => pieces.push(bytes), close: () => resolve(Buffer.concat(pieces).toString()) });
  });
}

/** A program that does not take it all tells so by how it ends. */
function speak(pair: Pair | undefined, text: string): void {
  if (pair === undefined) return;
  const socket = openSocket(pair[0], { data: () => {}, close: () => {} });
  socket.write(Buffer.from(text));
  void socket.drained().then(() => socket.destroy());
}
