/** What create and run share: flags, and the bundle as a request. */
import { renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import type { CreateOptions, CreateRequest } from "../../runtime/process.ts";
import { readBundle } from "./bundle.ts";
import { preserved } from "./preserve.ts";
import { refuseFlags } from "./refusals.ts";

export interface CreationFlags {
  readonly bundle: string;
  readonly pidFile?: string;
  readonly consoleSocket?: string;
  readonly preserveFds: string;
  readonly newKeyring: boolean;
  readonly pivot: boolean;
}

export interface Creation {
  readonly request: Omit<CreateRequest, "stdio">;
  readonly options: CreateOptions;
  readonly isTerminal: boolean;
}

export function addCreationFlags(command: Command): Command {
  return command
    .option("-b, --bundle <folder>", "the folder with config.json", ".")
    .option("--pid-file <file>", "write the pid of the container's first process there")
    .option("--console-socket <socket>", "send the terminal's master there")
    .option("--preserve-fds <number>", "further descriptors to pass on, from 3 upward", "0")
    .option("--no-new-keyring", "keep the session keyring of the caller")
    .option("--no-pivot", "refused: the root is always pivoted to");
}

/** @throws {RuntimeError} `SPEC_INVALID`, `UNSUPPORTED` */
export function readCreation(id: string, flags: CreationFlags): Creation {
  refuseFlags({ noPivot: !flags.pivot });
  const { spec, preserve } = preserved(readBundle(flags.bundle), flags.preserveFds);
  const options = {
    bundle: resolve(flags.bundle),
    keyring: flags.newKeyring,
    preserve,
    ...(flags.consoleSocket !== undefined && { consoleSocket: flags.consoleSocket }),
  };
  return { request: { id, spec }, options, isTerminal: spec.process?.terminal === true };
}

/** Put in place whole, whatever is there: a link is not followed, a pipe not waited for. */
export function writePid(path: string | undefined, pid: number): void {
  if (path === undefined) return;
  const aside = join(dirname(path), `.${basename(path)}.${process.pid}`);
  writeFileSync(aside, String(pid), { flag: "wx" });
  renameSync(aside, path);
}
