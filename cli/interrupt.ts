/**
 * SIGINT and SIGTERM end what a verb does. Most verbs hand on an AbortSignal; it is made when it is first asked for, because node takes a
 * millisecond to load it, and those that start and enter containers do without.
 */
import { ExitError } from "./errors.ts";

export interface Interrupt {
  /** Aborted with what `throwIfCame` throws. */
  readonly signal: AbortSignal;
  /** @throws {ExitError} 128 and the number of the signal that came */
  throwIfCame(): void;
  /** Calls with what `throwIfCame` throws when it comes, at once when it has come. Gives what takes the listener away again. */
  whenComes(listener: (why: ExitError) => void): () => void;
}

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

/** The first of either kind is taken; a second ends the process as ever. */
export function openInterrupt(): Interrupt {
  const listeners = new Set<(why: ExitError) => void>();
  let abort: AbortController | undefined;
  let came: ExitError | undefined;
  const start = (): AbortController => {
    const started = new AbortController();
    if (came !== undefined) started.abort(came);
    return started;
  };
  for (const [name, number] of Object.entries(SIGNALS))
    process.once(name, () => {
      came ??= new ExitError(128 + number);
      abort?.abort(came);
      for (const listener of listeners) listener(came);
    });
  return {
    get signal() {
      return (abort ??= start()).signal;
    },
    throwIfCame(): void {
      if (came !== undefined) throw came;
    },
    whenComes(listener): () => void {
      if (came === undefined) listeners.add(listener);
      else listener(came);
      return () => void listeners.delete(listener);
    },
  };
}
