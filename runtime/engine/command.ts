/** Runs a small system program to its end; its stderr becomes the error. */
import { spawn } from "node:child_process";
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
  return await new Promise((resolve, reject) => {
    const fail = (found: string, cause?: unknown): void => {
      reject(new RuntimeError(options.code, `Cannot ${options.what}: ${found}`, { cause, ...(options.hint !== undefined && { hint: options.hint }) }));
    };
    const child = spawn(file, args, { stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => errors.push(chunk));
    child.on("error", (error) => fail(error.message, error));
    child.on("close", (status, signal) => {
      if (status === 0) resolve(Buffer.concat(output).toString());
      else fail(Buffer.concat(errors).toString().trim() || `${file} ended with ${signal ?? status}`);
    });
    child.stdin?.on("error", () => {}); /* its exit status tells */
    child.stdin?.end(options.input);
  });
}
