/** The text of RUN --mount as fields: comma-separated, quotable as CSV. What a field means is the plan's business. */
import { BuilderError } from "../errors.ts";

export interface MountField {
  /** Lower case. */
  readonly key: string;
  /** Undefined: the key stands alone. */
  readonly value: string | undefined;
}

/** @throws {BuilderError} `FLAG_INVALID` */
export function mountFields(text: string): readonly MountField[] {
  return csvFields(text).map((field) => {
    const equals = field.indexOf("=");
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    return { key, value: equals < 0 ? undefined : field.slice(equals + 1) };
  });
}

/** A quote opens a field only at its beginning; two of them inside are one. */
function csvFields(text: string): readonly string[] {
  const field = /(?:"((?:[^"]|"")*)"|([^,"]*))(,|$)/y;
  const fields: string[] = [];
  for (;;) {
    const [, quoted, plain = "", end] = field.exec(text) ?? [];
    if (end === undefined) throw new BuilderError("FLAG_INVALID", `Cannot read --mount=${text}: a quote is not closed, or stands where none can be`);
    fields.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === "") return fields;
  }
}

/** The stage or image that a mount reads. */
export function mountOrigin(text: string): string | undefined {
  return mountFields(text).findLast(({ key }) => key === "from")?.value;
}

/** @throws {BuilderError} `FLAG_INVALID` for a variable in `from`: stages are found before variables are known. */
export function requirePlainFrom(text: string): void {
  if (/\$./.test(mountOrigin(text) ?? ""))
    throw new BuilderError("FLAG_INVALID", "Cannot use variables in --mount from: 'from' doesn't support variable expansion", {
      hint: "Name the image by FROM … AS first",
    });
}
