/** --lock, --lock=FILE and --lock-update. */
import type { Command } from "commander";

export interface LockFlags {
  /** "" stands for the default. */
  readonly lock?: string;
  readonly lockUpdate?: boolean;
}

export function defineLockFlags(command: Command): void {
  command
    .option("--lock [=file]", "pin base images, URLs and git refs in a file (default: <Dockerfile>.lock), hold to what it pins, add what is new")
    .option("--lock-update", "as --lock, but pin all anew and say what moved; with --pull by what registries have");
}
