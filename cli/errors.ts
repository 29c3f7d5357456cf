/** How a thrown error ends the program. */
import { CodedError } from "../store/errors.ts";
import { pathRefusal } from "./user-path.ts";

export const EXIT = { done: 0, refused: 1, usage: 2, bug: 70, strata: 125, brokenPipe: 141 } as const;

const MACHINE_CODES: ReadonlySet<string> = new Set([
  "ENOSPC",
  "EDQUOT",
  "EROFS",
  "EACCES",
  "EPERM",
  "EMFILE",
  "ENFILE",
  "EIO",
  "ENAMETOOLONG",
  "EISDIR",
  "ENOTDIR",
]);

/** Thrown by a verb to end with a certain status; an empty message prints nothing. */
export class ExitError extends Error {
  readonly status: number;

  constructor(status: number, message = "") {
    super(message);
    this.name = "ExitError";
    this.status = status;
  }
}

/** A wrong use of the command line: exit 2, or 125 of verbs that pass a program's status on. */
export class UsageError extends ExitError {
  constructor(message: string) {
    super(EXIT.usage, message);
    this.name = "UsageError";
  }
}

/** A file that a user named could not be written. */
export class OutputError extends CodedError<"OUTPUT_FAILED"> {}

/** Who says it; what the server of the cluster refuses is said as kubectl says it. */
export function said(text: string): string {
  return text.startsWith("Error from server") ? text : `strata: ${text}`;
}

/** `usage` is the status of a wrong use; `words` the command line, whose paths may be wrong. */
export function report(error: unknown, usage: number = EXIT.usage, words: readonly string[] = []): { readonly status: number; readonly text: string } {
  if (isCommanderError(error)) return { status: error.exitCode === 0 ? EXIT.done : usage, text: "" }; /* it has said it */
  if (error instanceof UsageError) return { status: usage, text: error.message };
  if (error instanceof ExitError) return { status: error.status, text: error.message };
  if (error instanceof CodedError) return { status: EXIT.refused, text: error.hint === undefined ? error.message : `${error.message}\n${error.hint}` };
  const refusal = pathRefusal(error, words);
  if (refusal !== undefined) return { status: usage === EXIT.strata ? EXIT.strata : EXIT.refused, text: refusal };
  if (isMachineError(error)) return { status: EXIT.refused, text: error.message };
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { status: EXIT.bug, text: `This is a bug in strata: ${stack}` };
}

/** What the machine refuses is no bug: a full disk, a missing right; a native part that it does not load, which says why. */
function isMachineError(error: unknown): error is Error {
  if (!(error instanceof Error && "code" in error)) return false;
  return error.code === "ERR_DLOPEN_FAILED" || ("syscall" in error && MACHINE_CODES.has(String(error.code)));
}

/** By shape: `--help` must not load commander for this. */
function isCommanderError(error: unknown): error is Error & { readonly exitCode: number } {
  return error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("commander.") && "exitCode" in error;
}
