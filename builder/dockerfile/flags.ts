/** Flags between an instruction and its arguments: `--name=value`. Quotes and escapes are taken off; `--` ends them. Spec: Dockerfile reference, "Format". */
import { BuilderError } from "../errors.ts";
import { didYouMean } from "./suggest.ts";

export interface FlagKinds {
  /** Once, with a value. */
  readonly text?: readonly string[];
  /** Once; alone it means true. */
  readonly bool?: readonly string[];
  readonly repeated?: readonly string[];
}

export interface Flags {
  text(name: string): string | undefined;
  bool(name: string): boolean | undefined;
  all(name: string): readonly string[];
}

/** Cuts leading flags off `text`. */
export function splitFlags(text: string, escape: string): { readonly flags: readonly string[]; readonly rest: string } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && /\s/.test(text[at] ?? "")) at++;
    if (!text.startsWith("--", at)) return { flags, rest: text.slice(at) };
    const { word, end } = readWord(text, at, escape);
    at = end;
    if (word === "--") return { flags, rest: text.slice(at).trimStart() };
    flags.push(word);
  }
}

function readWord(text: string, start: number, escape: string): { readonly word: string; readonly end: number } {
  let word = "";
  let quote = "";
  let at = start;
  for (; at < text.length; at++) {
    const char = text[at] ?? "";
    if (quote === "" && /\s/.test(char)) break;
    if (char === escape) word += text[++at] ?? ""; // also between single quotes, as BuildKit; at the very end it says nothing
    else if (quote === "" && (char === "'" || char === '"')) quote = char;
    else if (char === quote) quote = "";
    else word += char;
  }
  return { word, end: at };
}

/** @throws {BuilderError} `FLAG_INVALID` for an unknown, repeated or empty flag. */
export function readFlags(keyword: string, flags: readonly string[], kinds: FlagKinds): Flags {
  const values = new Map<string, string[]>();
  const known = [...(kinds.text ?? []), ...(kinds.bool ?? []), ...(kinds.repeated ?? [])];
  for (const flag of flags) {
    const [, name = "", value] = /^--([^=]*)(?:=(.*))?$/s.exec(flag) ?? [];
    if (!known.includes(name)) {
      throw new BuilderError(
        "FLAG_INVALID",
        `Cannot use --${name} with ${keyword}: unknown flag`,
        didYouMean(
          `--${name}`,
          known.map((word) => `--${word}`),
        ),
      );
    }
    if (values.has(name) && kinds.repeated?.includes(name) !== true) throw new BuilderError("FLAG_INVALID", `Cannot use --${name} twice with ${keyword}`);
    if (value === undefined && kinds.bool?.includes(name) !== true)
      throw new BuilderError("FLAG_INVALID", `Cannot use --${name} with ${keyword}: it needs a value`);
    if (value === "" && kinds.bool?.includes(name) === true)
      throw new BuilderError("FLAG_INVALID", `Cannot use --${name}= with ${keyword}: the value is missing`);
    values.set(name, [...(values.get(name) ?? []), value ?? "true"]);
  }
  return {
    text: (name) => values.get(name)?.[0],
    bool: (name) => readFlagBool(name, values.get(name)?.[0]),
    all: (name) => values.get(name) ?? [],
  };
}

/** Only these two words, in any case. */
function readFlagBool(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined || /^(?:true|false)$/i.test(value)) return readBool(name, value);
  throw new BuilderError("FLAG_INVALID", `Cannot read --${name}=${value}: expected true or false`);
}

/** As Go's strconv.ParseBool. */
export function readBool(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (/^(?:1|t|true)$/i.test(value)) return true;
  if (/^(?:0|f|false)$/i.test(value)) return false;
  throw new BuilderError("FLAG_INVALID", `Cannot read --${name}=${value}: expected true or false`);
}
