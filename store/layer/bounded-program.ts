/** A program whose output file cannot grow beyond a bound, whatever it is fed: the kernel ends it there. */

const BLOCK_BYTES = 512;
/** How a shell says that there is no such program. */
export const NOT_FOUND = 127;

/** Where the limit is lower already it stays. */
export function boundedProgram(program: string, args: readonly string[], maxBytes: number): readonly [string, string[]] {
  return ["sh", ["-c", 'ulimit -c 0; ulimit -f "$0" 2>/dev/null; exec "$@"', String(blocks(maxBytes)), program, ...args]];
}

export function hasReached(size: number, maxBytes: number): boolean {
  return size >= blocks(maxBytes) * BLOCK_BYTES;
}

function blocks(maxBytes: number): number {
  return Math.max(0, Math.floor(maxBytes / BLOCK_BYTES));
}
