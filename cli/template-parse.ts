/** Go templates as a tree: text, values, range, if and with. The part of text/template that --format is used with. */
import { UsageError } from "./errors.ts";

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly pipeline: Pipeline; readonly variable?: string }
  | {
      readonly kind: "range" | "if" | "with";
      readonly pipeline: Pipeline;
      readonly variables: readonly string[];
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };

/** Commands; each one's value is the next one's last argument. */
export type Pipeline = readonly (readonly Operand[])[];

export interface Path {
  readonly kind: "path";
  readonly root: "" | "$" | (string & {});
  readonly fields: readonly string[];
  readonly text: string;
  /** Where Go says that it is: the line, and the byte in it at which its second part begins. */
  readonly at: string;
}

export type Operand =
  | Path
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "function"; readonly name: string }
  /** `fields` of it, as in `(index .A "b").C`. */
  | { readonly kind: "group"; readonly pipeline: Pipeline; readonly fields: Path | undefined };

const ACTION = /\{\{(-\s)?\s*((?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^"`])*?)\s*(\s-)?\}\}/g;
const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|(`[^`]*`)|(-?\d+(?:\.\d+)?)|((?:\$\w*)?(?:\.\w+)+|\$\w*|\.)|(\w+)|(:=|[|(),]))/y;

/** @throws {UsageError} */
export function parseTemplate(template: string): readonly Node[] {
  const parser = new Parser(template, pieces(template));
  const nodes = parser.nodes();
  if (parser.end !== undefined) throw new UsageError(`template parsing error: unexpected {{${parser.end}}}`);
  return nodes;
}

type Piece = { readonly text: string } | { readonly action: string; readonly from: number };

/** With where it begins in the template. */
interface Token {
  readonly text: string;
  readonly from: number;
}

/** A `-` inside the braces eats the white space on its side. */
function pieces(template: string): readonly Piece[] {
  const found: Piece[] = [];
  let at = 0;
  let isTrimmed = false;
  for (const match of template.matchAll(ACTION)) {
    const text = template.slice(at, match.index);
    const left = isTrimmed ? text.trimStart() : text;
    found.push({ text: match[1] === undefined ? left : left.trimEnd() }, { action: match[2] ?? "", from: match.index + match[0].indexOf(match[2] ?? "", 2) });
    isTrimmed = match[3] !== undefined;
    at = match.index + match[0].length;
  }
  const rest = template.slice(at);
  if (rest.includes("{{")) throw new UsageError("template parsing error: unclosed action");
  return [...found, { text: isTrimmed ? rest.trimStart() : rest }];
}

class Parser {
  readonly #template: string;
  readonly #pieces: readonly Piece[];
  #at = 0;
  /** Where the action that is read ends. */
  #until = 0;
  /** The `end` or `else…` that stopped the last `nodes`. */
  end: string | undefined;

  constructor(template: string, all: readonly Piece[]) {
    this.#template = template;
    this.#pieces = all;
  }

  nodes(): readonly Node[] {
    const nodes: Node[] = [];
    for (let piece = this.#pieces[this.#at++]; piece !== undefined; piece = this.#pieces[this.#at++]) {
      if ("text" in piece) {
        if (piece.text !== "") nodes.push({ kind: "text", text: piece.text });
        continue;
      }
      this.#until = piece.from + piece.action.length;
      if (/^(?:end|else)\b/.test(piece.action)) {
        this.end = piece.action;
        return nodes;
      }
      if (!piece.action.startsWith("/*")) nodes.push(this.#node(piece.action));
    }
    this.end = undefined;
    return nodes;
  }

  #node(action: string): Node {
    const block = /^(range|if|with)\s+(.*)$/s.exec(action);
    if (block !== null) return this.#block(block[1] as "range", block[2] ?? "");
    const assigned = /^(\$\w+)\s*:?=\s*(.*)$/s.exec(action);
    if (assigned !== null) return { kind: "value", variable: assigned[1]!, pipeline: this.#pipeline(assigned[2]!) };
    return { kind: "value", pipeline: this.#pipeline(action) };
  }

  #block(kind: "range" | "if" | "with", head: string): Node {
    const declared = /^(\$\w+(?:\s*,\s*\$\w+)?)\s*:=\s*(.*)$/s.exec(head);
    const variables = declared?.[1]?.split(",").map((name) => name.trim()) ?? [];
    const pipeline = this.#pipeline(declared?.[2] ?? head);
    const body = this.nodes();
    return { kind, pipeline, variables, body, otherwise: this.#otherwise() };
  }

  /** `else if` is an if inside the else, and takes its `end`. */
  #otherwise(): readonly Node[] {
    const { end } = this;
    if (end === undefined) throw new UsageError("template parsing error: unexpected end of the template");
    const nested = /^else\s+(if|with)\s+(.*)$/s.exec(end);
    if (nested !== null) return [this.#block(nested[1] as "if", nested[2]!)];
    if (!end.startsWith("else")) return [];
    const nodes = this.nodes();
    if (this.end === undefined) throw new UsageError("template parsing error: unexpected end of the template");
    return nodes;
  }

  /** `text` is the last part of the action. */
  #pipeline(text: string): Pipeline {
    const tokens = tokenize(text, this.#until - text.length);
    const pipeline = readPipeline(tokens, this.#template);
    if (tokens.length > 0) throw new UsageError(`template parsing error: unexpected ${JSON.stringify(tokens[0]?.text)}`);
    return pipeline;
  }
}

/** Takes tokens off the front up to the end or a closing bracket. */
function readPipeline(tokens: Token[], template: string): Pipeline {
  const commands: Operand[][] = [[]];
  while (tokens.length > 0 && tokens[0]?.text !== ")") {
    const token = tokens.shift()!;
    if (token.text === "|") commands.push([]);
    else commands.at(-1)!.push(token.text === "(" ? readGroup(token, tokens, template) : operand(token, template));
  }
  if (commands.some((command) => command.length === 0)) throw new UsageError("template parsing error: missing value for command");
  return commands;
}

function readGroup({ from }: Token, tokens: Token[], template: string): Operand {
  const pipeline = readPipeline(tokens, template);
  const end = tokens.shift();
  if (end?.text !== ")") throw new UsageError("template parsing error: unclosed left paren");
  const [next] = tokens;
  if (next?.from !== end.from + 1 || !/^\.\w/.test(next.text)) return { kind: "group", pipeline, fields: undefined };
  tokens.shift();
  return { kind: "group", pipeline, fields: { ...pathOf(next, template), text: template.slice(from, next.from + next.text.length) } };
}

function tokenize(text: string, from: number): Token[] {
  const tokens: Token[] = [];
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < text.trimEnd().length;) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new UsageError(`template parsing error: unexpected ${JSON.stringify(text.slice(at))}`);
    const token = match[0].trimStart();
    tokens.push({ text: token, from: from + TOKEN.lastIndex - token.length });
  }
  return tokens;
}

function operand({ text: token, from }: Token, template: string): Operand {
  if (token.startsWith('"')) return { kind: "literal", value: quoted(token) };
  if (token.startsWith("`")) return { kind: "literal", value: token.slice(1, -1) };
  if (/^-?\d/.test(token)) return { kind: "literal", value: Number(token) };
  if (token === "true" || token === "false") return { kind: "literal", value: token === "true" };
  if (token === "nil") return { kind: "literal", value: null };
  if (!token.startsWith(".") && !token.startsWith("$")) return { kind: "function", name: token };
  return pathOf({ text: token, from }, template);
}

function pathOf({ text: token, from }: Token, template: string): Path {
  const [root = "", ...fields] = token.split(".");
  const at = placeIn(template, from + Math.max(0, token.indexOf(".", 1)));
  return { kind: "path", root, fields: fields.filter((field) => field !== ""), text: token, at };
}

function placeIn(template: string, offset: number): string {
  const lines = template.slice(0, offset).split("\n");
  return `${lines.length}:${Buffer.byteLength(lines.at(-1) ?? "")}`;
}

/** @throws {UsageError} for a line's end in it, which Go too does not take */
function quoted(token: string): string {
  try {
    return JSON.parse(token) as string;
  } catch {
    throw new UsageError("template parsing error: unterminated quoted string");
  }
}
