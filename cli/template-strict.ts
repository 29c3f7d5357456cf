/** Fields as docker's --format takes them: one that is not there ends the template, in the words of Go's text/template. */
import { EXIT, ExitError } from "./errors.ts";
import type { Path } from "./template-parse.ts";
import { fieldOf, type FieldOf } from "./template.ts";

/** Docker's types have them as pointers: nil there, and left out of JSON. */
const OPTIONAL: ReadonlySet<string> = new Set([
  "Annotations",
  "ExposedPorts",
  "Health",
  "Healthcheck",
  "Init",
  "MacAddress",
  "Shell",
  "SizeRootFs",
  "SizeRw",
  "StopSignal",
  "StopTimeout",
  "UsageData",
  "Variant",
]);

/** Maps of docker's types: a key that is not there is no value, nor is anything below it. */
const MAPS: ReadonlySet<string> = new Set([
  "Annotations",
  "Containers",
  "DriverOpts",
  "ExposedPorts",
  "Labels",
  "Networks",
  "Options",
  "Ports",
  "StorageOpt",
  "Sysctls",
  "Tmpfs",
  "Volumes",
]);

/** @throws {ExitError} with status 1 */
export const strictField: FieldOf = (value, path, index) => {
  const { fields } = path;
  const name = fields[index] ?? "";
  const found = fieldOf(value, name);
  if (found !== undefined) return found;
  if (MAPS.has(fields[index - 1] ?? "") || (value === undefined && index > 0)) return undefined;
  if (index === fields.length - 1 && OPTIONAL.has(name)) return null;
  throw failure(path, reason(value, name));
};

/** For what a list prints: the fields of its rows, and no others. A row may lack one that others have. */
export function fieldOfRows(rows: readonly object[]): FieldOf {
  const known = new Set(rows.flatMap((row) => Object.keys(row)));
  const all = new Set<unknown>(rows);
  return (value, path, index) => {
    const name = path.fields[index] ?? "";
    if (all.has(value) && !known.has(name)) throw failure(path, `can't evaluate field ${name}: a row has ${[...known].join(", ")}`);
    return fieldOf(value, name);
  };
}

function failure({ text, at }: Path, why: string): ExitError {
  return new ExitError(EXIT.refused, `template parsing error: template: :${at}: executing "" at <${text}>: ${why}`);
}

function reason(value: unknown, name: string): string {
  if (value === null || value === undefined) return `nil pointer evaluating interface {}.${name}`;
  return typeof value === "object" && !Array.isArray(value)
    ? `map has no entry for key ${JSON.stringify(name)}`
    : `can't evaluate field ${name} in type interface {}`;
}
