/** `name=value` words of flags, and comma-separated lists of them. */
import { UsageError } from "../errors.ts";

/** @throws {UsageError} when there is no `=` */
export function readPair(flag: string, text: string): readonly [name: string, value: string] {
  const equals = text.indexOf("=");
  if (equals < 1) throw new UsageError(`Cannot read --${flag} ${text}: write NAME=VALUE`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

export function readPairs(flag: string, texts: readonly string[]): ReadonlyMap<string, string> {
  return new Map(texts.map((text) => readPair(flag, text)));
}

/** `a=b,c=d`; a word alone means `true`. A field in double quotes may hold commas, as in CSV: `"name=a,b"`, a quote in it is doubled. */
export function readFields(text: string): ReadonlyMap<string, string> {
  const fields = (text.match(/"(?:[^"]|"")*"|[^,]+/g) ?? []).map((field) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field));
  return new Map(
    fields.map((field) => {
      const equals = field.indexOf("=");
      return equals < 0 ? [field.trim(), "true"] : [field.slice(0, equals).trim(), field.slice(equals + 1)];
    }),
  );
}
