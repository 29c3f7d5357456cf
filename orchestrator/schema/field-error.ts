/** Problems of an object's fields, in the words and order that Kubernetes uses. */
import { ApiError } from "../errors.ts";
import type { Resource } from "./resource.ts";

export interface FieldError {
  readonly reason:
    | "FieldValueRequired"
    | "FieldValueNotFound"
    | "FieldValueInvalid"
    | "FieldValueNotSupported"
    | "FieldValueDuplicate"
    | "FieldValueForbidden"
    | "FieldValueTooLong"
    | "FieldValueTooMany";
  readonly field: string;
  /** Without the field. */
  readonly message: string;
}

export function required(field: string, detail = ""): FieldError {
  return { reason: "FieldValueRequired", field, message: `Required value${after(detail)}` };
}

export function invalid(field: string, value: unknown, detail: string): FieldError {
  return { reason: "FieldValueInvalid", field, message: `Invalid value: ${shown(value)}${after(detail)}` };
}

/** Of a struct that is not shown. */
export function invalidWhole(field: string, detail: string): FieldError {
  return { reason: "FieldValueInvalid", field, message: `Invalid value: ${detail}` };
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  return { reason: "FieldValueNotSupported", field, message: `Unsupported value: ${shown(value)}: supported values: ${supported.map(shown).join(", ")}` };
}

export function duplicate(field: string, value: unknown): FieldError {
  return { reason: "FieldValueDuplicate", field, message: `Duplicate value: ${shown(value)}` };
}

export function missing(field: string, value: unknown): FieldError {
  return { reason: "FieldValueNotFound", field, message: `Not found: ${shown(value)}` };
}

export function forbiddenField(field: string, detail: string): FieldError {
  return { reason: "FieldValueForbidden", field, message: `Forbidden${after(detail)}` };
}

export function tooLong(field: string, limit: number): FieldError {
  return { reason: "FieldValueTooLong", field, message: `Too long: may not be more than ${limit} bytes` };
}

export function tooMany(field: string, count: number, limit: number): FieldError {
  return { reason: "FieldValueTooMany", field, message: `Too many: ${count}: must have at most ${limit} items` };
}

export function invalidObject({ kind, group }: Pick<Resource, "kind" | "group">, name: string, errors: readonly FieldError[]): ApiError {
  const lines = [...new Set(errors.map(({ field, message }) => `${field}: ${message}`))];
  const listed = lines.length === 1 ? lines[0]! : `[${lines.join(", ")}]`;
  const causes = errors.map(({ reason, message, field }) => ({ reason, message, field }));
  return new ApiError("Invalid", `${kind}${group === "" ? "" : `.${group}`} "${name}" is invalid: ${listed}`, {
    name,
    ...(group !== "" && { group }),
    kind,
    causes,
  });
}

/** JSON; what is absent is the word `"null"`, in quotes. */
function shown(value: unknown): string {
  return JSON.stringify(value ?? "null");
}

function after(detail: string): string {
  return detail === "" ? "" : `: ${detail}`;
}
