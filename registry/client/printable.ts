const MAX_LENGTH = 500;

/** What a server says, of whatever type it is, goes to a terminal: no control characters. */
export function printable(said: unknown): string {
  return String(said)
    .replaceAll(/\p{Cc}/gu, " ")
    .slice(0, MAX_LENGTH);
}
