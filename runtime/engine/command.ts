/** Runs a small system program to its end; its stderr becomes the error. */
import { closeSync } from "node:fs";
import { openSocket } from "../../system/local-socket.ts";
import { socketPair, startProgram } from "../../system/program.ts";
import { RuntimeError, type RuntimeErrorCode } from "../errors.ts";

export interface CommandOptions {
  readonly input?: string;
  /** `Cannot <what>`. */
  readonly what: string;
  readonly code: RuntimeErrorCode;
  readonly hint?: string;
}

/** Resolves with stdout. @throws {RuntimeError} `code` */
export async function runCommand(file: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const fail = (found: string, cause?: unknown): RuntimeError =>
    new RuntimeError(options.code, `Cannot ${options.what}: ${found}`, { cause, ...(options.hint !== undefined && { hint: options.hint }) });
  const [output, errors] = [listen(), listen()];
  const input = options.input === undefined ? undefined : speak(options.input);
  const files = [input?.theirs, output.theirs, errors.theirs];
  let ended;
  try {
    ({ ended } = startProgram(file, args, { files }));
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error), error);
  } finally {
    for (const fd of files) if (fd !== undefined) closeSync(fd);
  }
  const [text, complaint, { status, signal }] = await Promise.all([output.text, errors.text, ended]);
  if (status === 0) return text;
  throw fail(complaint.trim() || `${file} ended with ${signal === undefined ? status : `signal ${signal}`}`);
}

/** All that comes from a program, until it and whoever has its end have closed that. */
function listen(): { readonly theirs: number; readonly text: Promise<string> } {
  const [ours, theirs] = socketPair();
  const pieces: Buffer[] = [];
  const text = new Promise<string>((resolve) => {
    openSocket(ours, { data: (bytes) => pieces.push(bytes), close: () => resolve(Buffer.concat(pieces).toString()) });
  });
  return { theirs, text };
}

/** A program that does not take it all tells so by how it ends. */
function speak(text: string): { readonly theirs: number } {
  const [ours, theirs] = socketPair();
  const socket = openSocket(ours, { data: () => {}, close: () => {} });
  socket.write(Buffer.from(text));
  void socket.drained().then(() => socket.destroy());
  return { theirs };
}
