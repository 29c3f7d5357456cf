/** Whoever reads a reply, as those who send it see them. */
import type { Awaited } from "./connections.ts";

/** What is asked of whoever reads a reply. */
export interface Reader {
  /** Milliseconds that it may take nothing, or next to nothing. */
  readonly stallMs: number;
  /** Hears how a long reply is taken. */
  readonly taken?: () => Awaited;
}
