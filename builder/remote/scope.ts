/** What reading from elsewhere needs, wherever it is asked for: a step, a named context, or the command line. */
import type { Pins } from "../lock/pins.ts";
import type { Secret, SshSource } from "../request.ts";

/** How git reaches hosts over ssh. `own` is the user's own keys and agent: only for what the user named on the command line. */
export type SshAccess = "none" | "own" | SshSource;

export interface RemoteScope {
  /** Of the store: mirrors and downloads are kept under its `builder/`. */
  readonly root: string;
  /** Tokens for hosts: HTTP_AUTH_TOKEN_<host> and its like. */
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly ssh: SshAccess;
  /** What a lock file holds, if there is one. */
  readonly pins: Pins | undefined;
  /** PEM of those that are trusted beside node's own. Asked for when something is connected to. */
  readonly authorities: () => Promise<readonly string[]>;
  readonly signal: AbortSignal | undefined;
}
