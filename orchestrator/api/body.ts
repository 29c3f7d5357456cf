/** Request bodies: JSON, YAML, or the protobuf of typed clients, as plain values. */
import { parse } from "yaml";
import { HttpError } from "../../http/error.ts";
import { readBody } from "../../http/body.ts";
import type { Request } from "../../http/message.ts";
import { ApiError, badRequest } from "../errors.ts";
import { decodeProtobuf } from "../schema/protobuf.ts";
import { duplicateKeys } from "./duplicate-keys.ts";
import { refuseDeepValue, refuseDeepYaml } from "./nesting.ts";

/** As the peers: larger objects are refused. */
const MAX_BODY_BYTES = 3 * 2 ** 20;

export interface Body {
  /** Undefined when there was no body. */
  readonly value: unknown;
  /** Paths of keys that came twice in one JSON object. */
  readonly duplicates: readonly string[];
}

/** @throws {ApiError} `BadRequest`, `UnsupportedMediaType`, `RequestEntityTooLarge` */
export async function readObject(request: Request): Promise<Body> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return { value: undefined, duplicates: [] };
  const type = mediaType(request) ?? "application/json";
  if (type === "application/vnd.kubernetes.protobuf") return { value: protobufIn(bytes), duplicates: [] };
  if (type === "application/yaml") return { value: parseYaml(bytes.toString()), duplicates: [] };
  if (type !== "application/json") throw unsupported(type, ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]);
  return parseJson(bytes.toString());
}

function protobufIn(bytes: Buffer): unknown {
  const value = decodeProtobuf(bytes);
  refuseDeepValue(value); // it can hold JSON
  return value;
}

export function mediaType(request: Request): string | undefined {
  return request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
}

export async function readBytes(request: Request): Promise<Buffer> {
  try {
    return await readBody(request, MAX_BODY_BYTES);
  } catch (error) {
    if (error instanceof HttpError && error.status === 413) throw new ApiError("RequestEntityTooLarge", `Request entity too large: limit is ${MAX_BODY_BYTES}`);
    throw error;
  }
}

export function parseJson(text: string): Body {
  const value = jsonIn(text);
  refuseDeepValue(value);
  return { value, duplicates: duplicateKeys(text) };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
}

export function parseYaml(text: string): unknown {
  refuseDeepYaml(text);
  const value = yamlIn(text);
  refuseDeepValue(value); // aliases nest too
  return value;
}

function yamlIn(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw badRequest(`error converting YAML to JSON: ${(error as Error).message}`);
  }
}

export function unsupported(type: string, accepted: readonly string[]): ApiError {
  return new ApiError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")} (was ${type})`,
  );
}
