/** How long a container has to end, and what asks it to: the flags of `stop` and `restart`. */
import type { Command } from "commander";
import { parseNumber } from "./sizes.ts";

export interface StopFlags {
  readonly time?: number;
  readonly timeout?: number;
  readonly signal?: string;
}

export function addStopFlags(command: Command, patience: string): Command {
  return command
    .option("-t, --time <seconds>", patience, parseNumber)
    .option("--timeout <seconds>", "the same as --time", parseNumber)
    .option("-s, --signal <signal>", "what asks it to end");
}

/** As the engine takes them. */
export function stopOptions({ time, timeout: same, signal }: StopFlags): { readonly timeout?: number; readonly signal?: string } {
  const timeout = time ?? same;
  return { ...(timeout !== undefined && { timeout }), ...(signal !== undefined && { signal }) };
}
