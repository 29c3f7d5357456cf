const MAX_LENGTH = 500;

/** What a server says, of whatever type it is, goes to a terminal: no control characters, no marks that turn text around. */
export function printable(said: unknown): string {
  return String(said)
    .replaceAll(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, " ")
    .slice(0, MAX_LENGTH);
}
