/** kubectl's JSONPath templates as a tree: text, and paths in braces. Spec: kubernetes.io, "JSONPath Support". */
import { EXIT, ExitError } from "../errors.ts";

export type Comparison = "exists" | "==" | "!=" | "<" | "<=" | ">" | ">=";

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "literal"; readonly value: number | boolean }
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "wildcard" | "recursive" | "range" | "end" }
  | { readonly kind: "slice"; readonly from: number | undefined; readonly to: number | undefined; readonly step: number; readonly single: boolean }
  | { readonly kind: "filter"; readonly left: Path; readonly operator: Comparison; readonly right: Path }
  | { readonly kind: "union"; readonly paths: readonly Path[] };

/** Each one goes on from what the one before has found. */
export type Path = readonly Node[];

/** Pieces of text are paths of one node. @throws {ExitError} */
export function parseJsonPath(template: string): readonly Path[] {
  const found: Path[] = [];
  for (let at = 0; at < template.length;) {
    const open = template.indexOf("{", at);
    if (open !== at) found.push([{ kind: "text", text: template.slice(at, open < 0 ? undefined : open) }]);
    if (open < 0) break;
    const reader = new Reader(template, open + 1);
    found.push(reader.path("}"));
    at = reader.at;
  }
  return found;
}

/** As custom-columns and --sort-by take it: `.metadata.name`, `metadata.name` or `{.metadata.name}`. @throws {ExitError} */
export function parseRelaxed(text: string): readonly Path[] {
  const match = /^(?:\{\.?([^{}]+)\}|\.?([^{}]+))$/.exec(text);
  const field = match?.[1] ?? match?.[2];
  if (field === undefined)
    throw new ExitError(EXIT.refused, `unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'`);
  return parseJsonPath(`{.${field.replace(/^\./, "")}}`);
}

const ENDS_FIELD = /[\s.,[\]$@{}()=!<>'"]/;
const COMPARES = /^(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*)$/s;

class Reader {
  at: number;
  readonly #text: string;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  /** Up to `end`, which is passed; to the end of the text without one. */
  path(end: string | undefined): Path {
    const nodes: Node[] = [];
    for (;;) {
      const next = this.#text[this.at];
      if (next === undefined && end === undefined) return nodes;
      if (next === undefined || next === "\n") throw refusal(this.#text, "unclosed action");
      if (next === end) {
        this.at++;
        return nodes;
      }
      const node = this.#node(next);
      if (node !== undefined) nodes.push(node);
    }
  }

  /** Undefined for what says nothing: blanks, and the `$` and `@` that paths begin with. */
  #node(next: string): Node | undefined {
    if (/[\s$@]/.test(next)) {
      this.at++;
      return undefined;
    }
    if (next === "[") return bracket(this.#within());
    if (next === '"' || next === "'") return { kind: "text", text: this.#quoted(next) };
    if (next === ".") return this.#field();
    if (/[-+\d]/.test(next)) return { kind: "literal", value: this.#number() };
    if (/\w/.test(next)) return this.#identifier();
    throw refusal(this.#text, `unrecognized character in action: U+${next.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")} '${next}'`);
  }

  #field(): Node {
    if (this.#text.startsWith("..", this.at)) {
      this.at += /[\w*\\]/.test(this.#text[this.at + 2] ?? "") ? 1 : 2; // what is named follows as a field
      return { kind: "recursive" };
    }
    let name = "";
    for (this.at++; this.at < this.#text.length; this.at++) {
      const next = this.#text[this.at]!;
      if (next === "\\") name += this.#text[++this.at] ?? "";
      else if (ENDS_FIELD.test(next)) break;
      else name += next;
    }
    return name === "*" ? { kind: "wildcard" } : { kind: "field", name };
  }

  #identifier(): Node {
    const [word = ""] = /^\w+/.exec(this.#text.slice(this.at)) ?? [];
    this.at += word.length;
    if (word === "range" || word === "end") return { kind: word };
    if (word === "true" || word === "false") return { kind: "literal", value: word === "true" };
    throw refusal(this.#text, `unrecognized identifier ${word}`);
  }

  #number(): number {
    const [text = "0"] = /^[-+]?\d+(?:\.\d+)?/.exec(this.#text.slice(this.at)) ?? [];
    this.at += text.length;
    return Number(text);
  }

  #quoted(quote: string): string {
    const rest = this.#text.slice(this.at);
    const [whole, inner = ""] = (quote === '"' ? /^"((?:[^"\\]|\\.)*)"/s : /^'((?:[^'\\]|\\.)*)'/s).exec(rest) ?? [];
    if (whole === undefined) throw refusal(this.#text, "unterminated quoted string");
    this.at += whole.length;
    return unescaped(inner);
  }

  /** What stands between this bracket and its own end, quotes and inner brackets passed over. */
  #within(): string {
    const from = this.at + 1;
    let quote: string | undefined;
    let depth = 0;
    for (; this.at < this.#text.length; this.at++) {
      const next = this.#text[this.at]!;
      if (next === "\\") this.at++;
      else if (quote !== undefined) quote = next === quote ? undefined : quote;
      else if (next === '"' || next === "'") quote = next;
      else if (next === "[") depth++;
      else if (next === "]" && --depth === 0) return this.#text.slice(from, this.at++);
    }
    throw refusal(this.#text, "unterminated array");
  }
}

function bracket(text: string): Node {
  const inner = text.trim();
  const filter = /^\?\((.*)\)$/s.exec(inner)?.[1];
  if (filter !== undefined) return filterOf(filter.trim());
  if (inner === "*") return { kind: "slice", from: undefined, to: undefined, step: 1, single: false };
  const parts = inner.match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,]+/g) ?? [];
  if (parts.length > 1) return { kind: "union", paths: parts.map((part) => [bracket(part)]) };
  const key = /^'((?:[^'\\]|\\.)*)'$|^"((?:[^"\\]|\\.)*)"$/s.exec(inner);
  if (key !== null) return { kind: "field", name: unescaped(key[1] ?? key[2] ?? "") };
  const slice = /^(-?\d+)?(?:(:)(-?\d+)?(?::(-?\d+)?)?)?$/.exec(inner);
  if (slice === null || inner === "") throw new ExitError(EXIT.refused, `error parsing jsonpath [${text}], invalid array index ${inner}`);
  const [, from, colon, to, step] = slice;
  if (colon === undefined) return { kind: "slice", from: Number(from), to: undefined, step: 1, single: true };
  return { kind: "slice", from: given(from), to: given(to), step: given(step) ?? 1, single: false };
}

function given(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function filterOf(text: string): Node {
  const [, left = text, operator = "exists", right = ""] = COMPARES.exec(text) ?? [];
  return { kind: "filter", left: new Reader(left, 0).path(undefined), operator: operator as Comparison, right: new Reader(right, 0).path(undefined) };
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", a: "\u0007", b: "\b", f: "\f", v: "\v" };

function unescaped(text: string): string {
  return text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, code: string | undefined, letter: string) =>
    code === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

function refusal(template: string, why: string): ExitError {
  return new ExitError(EXIT.refused, `error parsing jsonpath ${template}, ${why}`);
}
