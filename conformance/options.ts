/** What `npm run conformance:builder -- …` understands; the same words go on to the process inside the sandbox. */
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ConformanceError } from "./errors.ts";

export const USAGE = `Usage: npm run conformance:builder -- [--install] [--cache FOLDER] [--all] [NAME…]
Builds the rows whose name contains a NAME, or all of them, and prints those that differ (--all: every row).
`;

export interface Options {
  /** Install the peer and what unpacks the sources first. */
  readonly install: boolean;
  /** Where fetched packages are kept. */
  readonly cache: string;
  /** Print rows that are equal everywhere too. */
  readonly all: boolean;
  readonly names: readonly string[];
}

export function readOptions(argv: readonly string[]): Options {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { install: { type: "boolean", default: false }, cache: { type: "string", default: defaultCache() }, all: { type: "boolean", default: false } },
    });
    return { ...values, names: positionals };
  } catch (error) {
    throw new ConformanceError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

function defaultCache(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "strata-conformance");
}
