/** Why lmdb could not commit. It tells so in promises of its own, for which nobody else waits: one left alone would end the process. */
import type { Database, Key } from "lmdb";

/** A part of a transaction, whose own promise tells how it went. */
export function leave(part: PromiseLike<unknown>): void {
  part.then(undefined, () => undefined);
}

/** Undefined for an error that is none of a commit. */
export async function commitFailure<Value, K extends Key>(database: Database<Value, K>, error: unknown): Promise<Error | undefined> {
  const reason = (error as { readonly commitError?: Promise<never> }).commitError;
  if (reason === undefined) return undefined;
  leave(database.committed);
  const cause = await reason.catch((found: unknown) => found);
  return cause instanceof Error ? cause : new Error(String(cause));
}
