/** Fields as `docker inspect --format` takes them: one that is not there ends the template, in the words of Go's text/template. */
import { EXIT, ExitError } from "./errors.ts";
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
  const { fields, text, at } = path;
  const name = fields[index] ?? "";
  const found = fieldOf(value, name);
  if (found !== undefined) return found;
  if (MAPS.has(fields[index - 1] ?? "") || (value === undefined && index > 0)) return undefined;
  if (index === fields.length - 1 && OPTIONAL.has(name)) return null;
  throw new ExitError(EXIT.refused, `template parsing error: template: :${at}: executing "" at <${text}>: ${reason(value, name)}`);
};

function reason(value: unknown, name: string): string {
  if (value === null || value === undefined) return `nil pointer evaluating interface {}.${name}`;
  return typeof value === "object" && !Array.isArray(value)
    ? `map has no entry for key ${JSON.stringify(name)}`
    : `can't evaluate field ${name} in type interface {}`;
}
