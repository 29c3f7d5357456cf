/**
 * JSON of printable ASCII, for logs and terminals: a terminal takes U+0080 to U+009F for commands too, and other characters for the end of a
 * line.
 */
export function asciiJSON(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
