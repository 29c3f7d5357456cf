/** An abort of its own for one attempt: it follows the caller's, and comes when a step fails. */
import { BuilderError } from "./errors.ts";

export interface LinkedAbort extends Disposable {
  readonly signal: AbortSignal;
  fail(reason: unknown): void;
}

export function linkedAbort(outer: AbortSignal | undefined): LinkedAbort {
  const controller = new AbortController();
  const follow = (): void => controller.abort(outer?.reason ?? new BuilderError("CANCELLED", "Cannot finish the build: it was cancelled"));
  if (outer?.aborted === true) follow();
  else outer?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    fail: (reason) => controller.abort(reason),
    [Symbol.dispose]: () => outer?.removeEventListener("abort", follow),
  };
}
