import { EXIT, ExitError } from "./errors.ts";

const STATES: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "it takes root",
};

/** A port that cannot be had is the user's matter, not a bug; undefined when `error` is of something else. `address` is what `--listen` was given. */
export function cannotListen(error: unknown, address: string): ExitError | undefined {
  if (!(error instanceof Error && "syscall" in error && error.syscall === "listen" && "code" in error)) return undefined;
  const state = STATES[String(error.code)] ?? error.message;
  return new ExitError(EXIT.refused, `Cannot listen on ${address}: ${state}\nChoose another with --listen ADDRESS:PORT; port 0 picks a free one`);
}
