/** Runs the table of rules over an object: the metadata, then every struct. */
import type { KubeObject } from "../cluster.ts";
import type { FieldError } from "./field-error.ts";
import { validateMetadata } from "./rules/metadata-rules.ts";
import type { Resource } from "./resource.ts";
import { structRules } from "./rules/rules.ts";
import { walk } from "./walk.ts";

export function validate(resource: Resource, object: KubeObject): FieldError[] {
  const errors = [...validateMetadata(resource, object)];
  walk(resource.type, object, "", (type, value, path) => {
    for (const rule of structRules[type] ?? []) errors.push(...rule(value, path));
  });
  return errors;
}
