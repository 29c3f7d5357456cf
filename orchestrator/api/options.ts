/** What a write may ask for in its query, and in the body of a deletion. Spec: Kubernetes API reference, "Common Parameters", "DeleteOptions". */
import { forbiddenField, invalid, invalidObject, notSupported, required, tooLong, type FieldError } from "../schema/field-error.ts";
import { isRecord } from "../schema/decode.ts";
import type { Verb } from "../schema/resource.ts";
import { badRequest } from "../errors.ts";

const kinds: Partial<Readonly<Record<Verb, string>>> = { create: "CreateOptions", update: "UpdateOptions", patch: "PatchOptions" };

const MAX_MANAGER_BYTES = 128;

/** `applies` for server-side apply, which needs a manager and may force. @throws {ApiError} `Invalid` */
export function checkOptions(verb: Verb, query: URLSearchParams, applies: boolean): void {
  const kind = kinds[verb];
  if (kind === undefined) return;
  const manager = query.get("fieldManager") ?? "";
  const force = query.get("force");
  refuse(kind, [
    ...(applies && manager === "" ? [required("fieldManager", "is required for apply patch")] : []),
    ...(verb === "patch" && !applies && force !== null ? [forbiddenField("force", "may not be specified for non-apply patch")] : []),
    ...managerErrors(manager),
    ...dryRunErrors(query.getAll("dryRun").filter((value) => value !== "")),
    ...oneOf("fieldValidation", query.get("fieldValidation") ?? "", ["", "Ignore", "Strict", "Warn"]),
  ]);
}

const policies = ["Foreground", "Background", "Orphan"];

/** @throws {ApiError} `Invalid`, `BadRequest` when a value is not of its type */
export function checkDeleteOptions(body: Readonly<Record<string, unknown>>, query: URLSearchParams): void {
  const { gracePeriodSeconds, preconditions, propagationPolicy = query.get("propagationPolicy") ?? undefined, dryRun } = body;
  if (gracePeriodSeconds !== undefined && !Number.isInteger(gracePeriodSeconds)) throw mismatch(gracePeriodSeconds, "gracePeriodSeconds", "int64");
  if (preconditions !== undefined && !isRecord(preconditions)) throw mismatch(preconditions, "preconditions", "v1.Preconditions");
  if (dryRun !== undefined && !Array.isArray(dryRun)) throw mismatch(dryRun, "dryRun", "[]string");
  const orphans = body["orphanDependents"] !== undefined || query.has("orphanDependents");
  refuse("DeleteOptions", [
    ...(orphans && propagationPolicy !== undefined
      ? [invalid("propagationPolicy", propagationPolicy, "orphanDependents and deletionPropagation cannot be both set")]
      : []),
    ...(propagationPolicy === undefined || policies.includes(propagationPolicy as string)
      ? []
      : [notSupported("propagationPolicy", propagationPolicy, [...policies, "nil"])]),
    ...dryRunErrors([...((dryRun ?? []) as readonly string[]), ...query.getAll("dryRun")].filter((value) => value !== "")),
  ]);
}

function managerErrors(manager: string): readonly FieldError[] {
  if (Buffer.byteLength(manager) > MAX_MANAGER_BYTES) return [tooLong("fieldManager", MAX_MANAGER_BYTES)];
  return /[\p{C}]/u.test(manager) ? [invalid("fieldManager", manager, "should only contain printable characters")] : [];
}

function dryRunErrors(values: readonly string[]): readonly FieldError[] {
  return values.every((value) => value === "All") ? [] : [notSupported("dryRun", values, ["All"])];
}

function oneOf(field: string, value: string, supported: readonly string[]): readonly FieldError[] {
  return supported.includes(value) ? [] : [notSupported(field, value, supported)];
}

function refuse(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidObject({ kind, group: "meta.k8s.io" }, "", errors);
}

function mismatch(found: unknown, field: string, type: string): Error {
  return badRequest(`json: cannot unmarshal ${Array.isArray(found) ? "array" : typeof found} into Go struct field DeleteOptions.${field} of type ${type}`);
}
