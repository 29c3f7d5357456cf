/** One thing that strata wants of a machine, as it was found. */
import type { User } from "../rootless/id-maps.ts";

export interface Check {
  readonly name: string;
  readonly status: "ok" | "missing";
  /** Without it something that every user does is refused. */
  readonly required: boolean;
  /** What was found, and what it is for. */
  readonly detail: string;
  /** The command that mends it. */
  readonly mend?: string;
}

/** Everything that checks look at, so that they can be tried on machines that are not here. */
export interface Machine {
  readonly isRoot: boolean;
  /** Who asks. */
  readonly user: User;
  /** Path of a program, or undefined. */
  readonly find: (program: string) => string | undefined;
  /** Content of a file of /proc or /sys, or undefined. */
  readonly read: (path: string) => string | undefined;
  /** Names in a folder; empty when it is none. */
  readonly list: (path: string) => readonly string[];
  readonly isWritable: (path: string) => boolean;
  /** File system of the root folder (or of its nearest parent), as statfs(2) numbers it, and the bytes free on it. */
  readonly rootFolder: { readonly path: string; readonly type: number; readonly free: number };
}

export function ok(name: string, detail: string): Check {
  return { name, status: "ok", required: false, detail };
}

export function missing(name: string, required: boolean, detail: string, mend?: string): Check {
  return { name, status: "missing", required, detail, ...(mend === undefined ? {} : { mend }) };
}
