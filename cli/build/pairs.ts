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

/** `a=b,c=d`; a word alone means `true`. */
export function readFields(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(",").map((field) => {
      const equals = field.indexOf("=");
      return equals < 0 ? [field.trim(), "true"] : [field.slice(0, equals).trim(), field.slice(equals + 1)];
    }),
  );
}
