/** Reads string expressions out of Go source: literals joined by `+`, `strings.Join` of literals, and names that the caller knows. */

const SIMPLE: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", '"': '"', "\\": "\\", "'": "'" };

export interface Expression {
  readonly text: string;
  /** Offset behind it. */
  readonly end: number;
}

/** The expression at `at`; undefined when it has a part whose value is not known here. */
export function readExpression(source: string, at: number, known: Readonly<Record<string, string>>): Expression | undefined {
  let text = "";
  let position = at;
  for (;;) {
    const term = readTerm(source, skipBlank(source, position), known);
    if (term === undefined) return undefined;
    text += term.text;
    const next = skipBlank(source, term.end);
    if (source[next] !== "+") return { text, end: term.end };
    position = next + 1;
  }
}

function readTerm(source: string, at: number, known: Readonly<Record<string, string>>): Expression | undefined {
  if (source[at] === "`") return readRaw(source, at);
  if (source[at] === '"') return readInterpreted(source, at);
  if (source.startsWith("strings.Join([]string{", at)) return readJoin(source, at + "strings.Join([]string{".length, known);
  const name = Object.keys(known).find((name) => source.startsWith(name, at) && !/\w/.test(source.charAt(at + name.length)));
  return name === undefined ? undefined : { text: known[name] ?? "", end: at + name.length };
}

function readRaw(source: string, at: number): Expression | undefined {
  const end = source.indexOf("`", at + 1);
  return end < 0 ? undefined : { text: source.slice(at + 1, end).replaceAll("\r", ""), end: end + 1 };
}

function readInterpreted(source: string, at: number): Expression | undefined {
  let text = "";
  for (let position = at + 1; position < source.length; position++) {
    const character = source.charAt(position);
    if (character === '"') return { text, end: position + 1 };
    if (character !== "\\") {
      text += character;
      continue;
    }
    const escaped = SIMPLE[source.charAt(++position)];
    if (escaped === undefined) return undefined; // \x41, \u0041: no row needs them
    text += escaped;
  }
  return undefined;
}

function readJoin(source: string, at: number, known: Readonly<Record<string, string>>): Expression | undefined {
  const parts: string[] = [];
  let position = skipBlank(source, at);
  while (source[position] !== "}") {
    const part = readExpression(source, position, known);
    if (part === undefined) return undefined;
    parts.push(part.text);
    position = skipBlank(source, part.end);
    if (source[position] === ",") position = skipBlank(source, position + 1);
  }
  const separator = readExpression(source, skipBlank(source, position + 1) + 1, known);
  if (separator === undefined) return undefined;
  return { text: parts.join(separator.text), end: skipBlank(source, separator.end) + 1 };
}

/** Blanks and comments. */
export function skipBlank(source: string, at: number): number {
  return at + (/^(?:\s|\/\/[^\n]*\n)*/.exec(source.slice(at, at + 2000))?.[0].length ?? 0);
}
