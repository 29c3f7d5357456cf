/**
 * Variables in words: `$v`, `${v}`, `:-` `-` `:+` `+` `:?` `?` `#` `##` `%` `%%` `/` `//`, nested, with the quotes and escapes of a shell.
 * Spec: Dockerfile reference, "Environment replacement".
 */
import { BuilderError } from "../errors.ts";
import { replaceMatches, trimPrefix, trimSuffix } from "./shell-pattern.ts";

/** A Map is one. */
export interface Variables {
  get(name: string): string | undefined;
  has(name: string): boolean;
  keys(): Iterable<string>;
}

/** Variables of variables grow tenfold at each step: no machine takes a longer one as an argument anyway. */
const MAX_EXPANDED_CHARS = 1 << 20;
const MAX_DEPTH = 200;
const MAX_SHOWN_CHARS = 1000;

export interface SubstituteOptions {
  readonly escape: string;
  /** Leave quotes as they are: bodies of heredocs. */
  readonly keepQuotes?: boolean;
  /** For people: quotes are read and stay, and so does a variable without a value. */
  readonly isShown?: boolean;
}

export interface Substituted {
  readonly text: string;
  /** The text split at unquoted blanks, also those that came out of a variable. */
  readonly words: readonly string[];
  /** Names that had no value. */
  readonly unset: ReadonlySet<string>;
}

/** @throws {BuilderError} `SUBSTITUTION_FAILED` */
export function substitute(word: string, variables: Variables, options: SubstituteOptions): Substituted {
  if (!/[$'"\\`\s]/.test(word)) return { text: word, words: word === "" ? [] : [word], unset: new Set() };
  const lexer = new Lexer(word, variables, options);
  const words = new Words();
  const text = lexer.until("", false, words);
  return { text, words: words.finish(), unset: lexer.unset };
}

/** One pass over a word; it exists for the length of one `substitute`. */
class Lexer {
  readonly unset = new Set<string>();
  readonly #chars: readonly string[];
  readonly #word: string;
  readonly #variables: Variables;
  readonly #options: SubstituteOptions;
  #at = 0;
  #depth = 0;

  constructor(word: string, variables: Variables, options: SubstituteOptions) {
    this.#word = word;
    this.#chars = Array.from(word);
    this.#variables = variables;
    this.#options = options;
  }

  /** Reads up to `stop` ("" is the end) and over it. `rawEscapes` keeps the escape characters: patterns need them. */
  until(stop: string, rawEscapes: boolean, words: Words): string {
    if (++this.#depth > MAX_DEPTH) throw this.#fail("it is nested too deeply");
    let out = "";
    for (;;) {
      const char = this.#peek();
      if (char === undefined) break;
      if (char === stop) {
        this.#at++;
        this.#depth--;
        return out;
      }
      out += this.#piece(char, rawEscapes, words);
      if (out.length > MAX_EXPANDED_CHARS) throw this.#fail(`it becomes longer than ${MAX_EXPANDED_CHARS} characters`);
    }
    if (stop !== "") throw this.#fail(stop === "}" ? "missing '}'" : `missing '${stop}' in \${}`);
    return out;
  }

  #piece(char: string, rawEscapes: boolean, words: Words): string {
    if (char === "$") return words.expanded(this.#dollar());
    const quote = this.#options.isShown === true ? char : "";
    if (this.#options.keepQuotes !== true && char === "'") return words.literal(quote + this.#singleQuoted() + quote);
    if (this.#options.keepQuotes !== true && char === '"') return words.literal(quote + this.#doubleQuoted(rawEscapes) + quote);
    this.#at++;
    if (char !== this.#options.escape) return words.expanded(char);
    const next = this.#next();
    return words.literal((rawEscapes ? char : "") + (next ?? ""));
  }

  #singleQuoted(): string {
    const end = this.#chars.indexOf("'", this.#at + 1);
    if (end < 0) throw this.#fail("missing closing single quote");
    const text = this.#chars.slice(this.#at + 1, end).join("");
    this.#at = end + 1;
    return text;
  }

  #doubleQuoted(rawEscapes: boolean): string {
    let out = "";
    this.#at++;
    for (;;) {
      const char = this.#peek();
      if (char === undefined) throw this.#fail("missing closing double quote");
      if (char === "$") {
        out += this.#dollar();
        continue;
      }
      this.#at++;
      if (char === '"') return out;
      out += char === this.#options.escape ? this.#escapedInQuotes(char, rawEscapes) : char;
    }
  }

  /** Only `"`, `$` and the escape itself can be escaped between double quotes. */
  #escapedInQuotes(escape: string, rawEscapes: boolean): string {
    const next = this.#peek();
    if (next === undefined) return "";
    const raw = rawEscapes ? escape : "";
    if (next !== '"' && next !== "$" && next !== escape) return raw + escape;
    this.#at++;
    return raw + next;
  }

  #dollar(): string {
    const from = this.#at;
    const value = this.#expansion();
    const [, name = ""] = this.#options.isShown === true ? (/^\$\{?([@*#?\-$!]|[\p{L}\p{Nd}_]+)/u.exec(this.#chars.slice(from, this.#at).join("")) ?? []) : [];
    return name === "" || this.#variables.has(name) ? value : this.#chars.slice(from, this.#at).join("");
  }

  #expansion(): string {
    this.#at++;
    if (this.#peek() !== "{") {
      const name = this.#name();
      return name === "" ? "$" : (this.#value(name) ?? "");
    }
    this.#at++;
    const first = this.#peek();
    if (first === undefined) throw this.#fail("missing '}'");
    if (first === "{" || first === "}" || first === ":") throw this.#fail("bad substitution");
    const name = this.#name();
    const operator = this.#next();
    if (operator === "}") return this.#value(name) ?? "";
    if (operator === "/") return this.#replace(name);
    if (operator === undefined) throw this.#fail("missing '}'");
    return operator === ":" ? this.#modify(name, this.#next() ?? "", true) : this.#modify(name, operator, false);
  }

  /** `${name<operator>word}`; with the colon an empty value counts as unset. */
  #modify(name: string, operator: string, emptyIsUnset: boolean): string {
    const isTrim = operator === "#" || operator === "%";
    if (!"-+?".includes(operator || "x") && !(isTrim && !emptyIsUnset)) {
      throw this.#fail(`unsupported modifier (${emptyIsUnset ? ":" : ""}${operator}) in substitution`);
    }
    const word = this.until("}", isTrim, new Words());
    const value = this.#value(name);
    const missing = value === undefined || (emptyIsUnset && value === "");
    if (operator === "-") return missing ? word : value;
    if (operator === "+") return missing ? "" : word;
    if (operator === "?" && missing) {
      throw this.#fail(`${name}: ${word || `is not allowed to be ${value === undefined ? "unset" : "empty"}`}`);
    }
    if (operator === "?") return value ?? "";
    const longest = word.startsWith(operator);
    const trim = operator === "#" ? trimPrefix : trimSuffix;
    return trim(value ?? "", longest ? word.slice(1) : word, longest);
  }

  #replace(name: string): string {
    const all = this.#peek() === "/";
    if (all) this.#at++;
    const pattern = this.until("/", true, new Words());
    const replacement = this.until("}", true, new Words());
    return replaceMatches(this.#value(name) ?? "", pattern, replacement, all);
  }

  /** A name, a positional number or a special parameter; "" when there is none. */
  #name(): string {
    const rest = this.#chars.slice(this.#at, this.#at + 256).join("");
    const name = /^(?:\d+|[@*#?\-$!]|[\p{L}_][\p{L}\p{Nd}_]*)/u.exec(rest)?.[0] ?? "";
    this.#at += Array.from(name).length;
    return name;
  }

  #value(name: string): string | undefined {
    const value = this.#variables.get(name);
    if (value === undefined) this.unset.add(name);
    return value;
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #next(): string | undefined {
    return this.#chars[this.#at++];
  }

  #fail(reason: string): BuilderError {
    return new BuilderError("SUBSTITUTION_FAILED", `Cannot expand ${JSON.stringify(this.#word.slice(0, MAX_SHOWN_CHARS))}: ${reason}`);
  }
}

/** Collects words while the text is built: quoted text never splits, expanded text does. */
class Words {
  readonly #words: string[] = [];
  #word = "";

  expanded(text: string): string {
    for (const char of text) {
      if (!/\s/.test(char)) this.#word += char;
      else if (this.#word !== "") this.finish();
    }
    return text;
  }

  literal(text: string): string {
    this.#word += text;
    return text;
  }

  finish(): readonly string[] {
    if (this.#word !== "") this.#words.push(this.#word);
    this.#word = "";
    return this.#words;
  }
}
