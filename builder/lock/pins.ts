/** What a lock file holds names to. */

export type PinKind = "images" | "urls" | "git";

export interface Pins {
  /** As messages name it. */
  readonly file: string;
  /** Undefined: it was not pinned yet, or is to be pinned anew. */
  find(kind: PinKind, name: string): string | undefined;
  /** What it is in this build. */
  record(kind: PinKind, name: string, value: string): void;
}
