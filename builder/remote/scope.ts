/** What reading from elsewhere needs, wherever it is asked for: a step, a named context, or the command line. */
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
  readonly signal: AbortSignal | undefined;
}

export type PinKind = "images" | "urls" | "git";

export interface Pins {
  /** As messages name it. */
  readonly file: string;
  /** Undefined: it was not pinned yet, or is to be pinned anew. */
  find(kind: PinKind, name: string): string | undefined;
  /** What it is in this build. */
  record(kind: PinKind, name: string, value: string): void;
}
