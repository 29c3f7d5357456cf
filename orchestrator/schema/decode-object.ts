/** Decodes an object that must be of a certain kind. */
import { badRequest } from "../errors.ts";
import { decode } from "./decode.ts";
import { apiVersionOf, type DecodedObject, type Resource } from "./resource.ts";
import { Mismatch } from "./scalars.ts";

/** `onUnknown` is told the paths of fields that the kind does not have; they are dropped. @throws {ApiError} `BadRequest` */
export function decodeObject(resource: Resource, value: unknown, onUnknown: (paths: readonly string[]) => void = () => {}): DecodedObject {
  try {
    const decoded = decode(resource.type, value);
    onUnknown(decoded.unknown);
    return { ...decoded.value, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: decoded.value.metadata ?? {} };
  } catch (error) {
    if (error instanceof Mismatch) throw badRequest(cannotHandle(resource, error.message));
    throw error;
  }
}

export function cannotHandle({ kind, version }: Pick<Resource, "kind" | "version">, found: string): string {
  return `${kind} in version "${version}" cannot be handled as a ${kind}: ${found}`;
}
