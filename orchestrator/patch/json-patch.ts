/** JSON Patch. Spec: RFC 6902, RFC 6901. */
import { clone } from "../schema/clone.ts";
import { ApiError, badRequest } from "../errors.ts";
import { isRecord } from "../schema/decode.ts";
import { equal } from "../schema/equal.ts";
import { setMember } from "../schema/member.ts";

export interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

const MAX_OPERATIONS = 10_000;
/** Characters of JSON that all copies of a patch may make: copies of copies would else grow without end. */
const MAX_COPIED = 3 * 2 ** 20;

/** `target` is left as it is. @throws {ApiError} `Invalid` when an operation does not fit the target, `BadRequest` when it is no patch */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch");
  if (patch.length > MAX_OPERATIONS)
    throw new ApiError("RequestEntityTooLarge", `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`);
  const copy = copier();
  return patch.reduce<unknown>((current, operation) => applyOperation(current, parseOperation(operation), copy), clone(target));
}

function parseOperation(value: unknown): Operation {
  if (!isRecord(value) || typeof value["path"] !== "string" || typeof (value["from"] ?? "") !== "string")
    throw badRequest("error decoding patch: an operation is an object with a path");
  return value as unknown as Operation;
}

function copier(): (value: unknown) => unknown {
  let copied = 0;
  return (value) => {
    const text = JSON.stringify(value);
    copied += text.length;
    if (copied > MAX_COPIED) throw new ApiError("RequestEntityTooLarge", `Unable to copy, the accumulated size increase of copy is more than ${MAX_COPIED}`);
    return JSON.parse(text) as unknown;
  };
}

function applyOperation(target: unknown, operation: Operation, copy: (value: unknown) => unknown): unknown {
  const { op, path, value } = operation;
  switch (op) {
    case "add":
      return edit(target, path, value, "add");
    case "replace":
      read(target, path);
      return edit(target, path, value, "replace");
    case "remove":
      read(target, path);
      return edit(target, path, undefined, "remove");
    case "copy":
      return edit(target, path, copy(read(target, operation.from ?? "")), "add");
    case "move": {
      const moved = read(target, operation.from ?? "");
      return edit(edit(target, operation.from ?? "", undefined, "remove"), path, moved, "add");
    }
    case "test":
      if (!equal(read(target, path), value)) throw misfit(`testing value ${path} failed`);
      return target;
    default:
      throw badRequest(`Unexpected kind: ${op}`);
  }
}

function read(target: unknown, path: string): unknown {
  return tokens(path).reduce((value, token) => {
    if (Array.isArray(value) && indexIn(value, token) < value.length) return value[indexIn(value, token)] as unknown;
    if (isRecord(value) && Object.hasOwn(value, token)) return value[token];
    throw misfit(`doc is missing path: "${path}": missing value`);
  }, target);
}

function edit(target: unknown, path: string, value: unknown, how: "add" | "replace" | "remove"): unknown {
  const parts = tokens(path);
  const last = parts.pop();
  if (last === undefined) return value;
  const parent = read(target, parts.map((part) => `/${escape(part)}`).join(""));
  if (Array.isArray(parent)) editArray(parent, last, value, how);
  else if (!isRecord(parent)) throw misfit(`doc is missing path: "${path}": missing value`);
  else if (how === "remove") delete parent[last];
  else setMember(parent, last, value);
  return target;
}

function editArray(array: unknown[], token: string, value: unknown, how: "add" | "replace" | "remove"): void {
  const index = token === "-" ? array.length : indexIn(array, token);
  if (index > array.length) throw misfit(`Unable to access invalid index: ${token}`);
  if (how === "add") array.splice(index, 0, value);
  else if (how === "replace") array[index] = value;
  else array.splice(index, 1);
}

function indexIn(array: readonly unknown[], token: string): number {
  if (!/^-?(0|[1-9]\d*)$/.test(token)) throw misfit(`strconv.Atoi: parsing "${token}": invalid syntax`);
  const index = Number(token);
  return index < 0 ? index + array.length : index;
}

function tokens(path: string): string[] {
  if (path === "") return [];
  return path
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function escape(token: string): string {
  return token.replaceAll("~", "~0").replaceAll("/", "~1");
}

function misfit(message: string): ApiError {
  return new ApiError("Invalid", `the server rejected our request due to an error in our request: ${message}`);
}
