/** How deep a JSON text nests, told without parsing it: parsed, four megabytes of brackets are hundreds of megabytes. Spec: RFC 8259. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[` and `{`, `]` and `}` differ in this bit alone. */
const CURLY = 0x20;
const OPEN = 0x5b;
const CLOSE = 0x5d;

export function nestsDeeper(text: Uint8Array, most: number): boolean {
  let depth = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]!;
    if (byte === QUOTE) isString = !isString;
    else if (isString) at += byte === BACKSLASH ? 1 : 0;
    else if ((byte & ~CURLY) === OPEN && ++depth > most) return true;
    else if ((byte & ~CURLY) === CLOSE) depth--;
  }
  return false;
}
