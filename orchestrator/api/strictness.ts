/** What to do about fields that a kind does not have. Spec: Kubernetes API concepts, "Field validation". */
import { badRequest } from "../errors.ts";
import { cannotHandle, decodeObject } from "../schema/decode-object.ts";
import { isRecord } from "../schema/decode.ts";
import { apiVersionOf, type DecodedObject, type Resource } from "../schema/resource.ts";
import type { Body } from "./body.ts";

export interface Checked {
  readonly object: DecodedObject;
  /** Sentences for the client's `Warning` headers. */
  readonly warnings: readonly string[];
}

/** @throws {ApiError} `BadRequest` when it is not of the kind, or has unknown fields and the client asked to be strict */
export function checkObject(resource: Resource, { value, duplicates }: Body, query: URLSearchParams): Checked {
  if (!isRecord(value)) throw badRequest("no object was sent in the body of the request");
  checkKind(resource, value);
  const problems = duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`);
  const object = decodeObject(resource, value, (unknown) => problems.unshift(...unknown.map((path) => `unknown field ${JSON.stringify(path)}`)));
  return { object, warnings: judge(resource, problems, query.get("fieldValidation")) };
}

/** In the version that is kept. */
export function toStored({ conversion }: Resource, object: DecodedObject): DecodedObject {
  return conversion === undefined ? object : conversion.toStored(object);
}

function judge(resource: Resource, problems: readonly string[], mode: string | null): readonly string[] {
  if (mode === "Ignore") return [];
  if (mode === "Strict" && problems.length > 0) throw badRequest(cannotHandle(resource, `strict decoding error: ${problems.join(", ")}`));
  return problems;
}

function checkKind(resource: Resource, { apiVersion, kind }: Record<string, unknown>): void {
  const expected = apiVersionOf(resource);
  if (apiVersion !== undefined && apiVersion !== "" && apiVersion !== expected) {
    throw badRequest(`the API version in the data (${shown(apiVersion)}) does not match the expected API version (${expected})`);
  }
  if (kind !== undefined && kind !== "" && kind !== resource.kind)
    throw badRequest(`${shown(kind)} in version "${resource.version}" cannot be handled as a ${resource.kind}`);
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function warningHeaders(warnings: readonly string[]): Readonly<Record<string, readonly string[]>> {
  return warnings.length === 0 ? {} : { warning: warnings.map((warning) => `299 - ${JSON.stringify(warning)}`) };
}
