/**
 * Decodes the protobuf that typed clients send: an envelope with the kind, and messages read by the field numbers of the type data.
 * Spec: Kubernetes API concepts, "Kubernetes Protobuf encoding"; protobuf encoding.
 */
import { badRequest } from "../errors.ts";
import { member } from "./member.ts";
import { formatQuantity, parseQuantity } from "./quantity.ts";
import { resourceOfKind } from "./resources.ts";
import { isStruct, rawFields, scalarOf, type RawField } from "./types.ts";
import { readFields, type WireField } from "./wire.ts";

const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

/** Types of bodies that are no resources of the table. */
const otherTypes: Readonly<Record<string, string>> = {
  DeleteOptions: "meta/v1.DeleteOptions",
  Eviction: "policy/v1.Eviction",
  Binding: "core/v1.Binding",
  Scale: "autoscaling/v1.Scale",
  TokenRequest: "authentication/v1.TokenRequest",
  SelfSubjectReview: "authentication/v1.SelfSubjectReview",
  TokenReview: "authentication/v1.TokenReview",
  SelfSubjectAccessReview: "authorization/v1.SelfSubjectAccessReview",
  SelfSubjectRulesReview: "authorization/v1.SelfSubjectRulesReview",
  LocalSubjectAccessReview: "authorization/v1.LocalSubjectAccessReview",
  SubjectAccessReview: "authorization/v1.SubjectAccessReview",
};

/** @throws {ApiError} `BadRequest` */
export function decodeProtobuf(bytes: Buffer): Record<string, unknown> {
  if (!bytes.subarray(0, 4).equals(MAGIC)) throw badRequest("provided data does not appear to be a protobuf message, expected prefix 6b 38 73 00");
  const envelope = readFields(bytes.subarray(4));
  const meta = readFields(lengthOf(envelope, 1));
  const apiVersion = lengthOf(meta, 1).toString();
  const kind = lengthOf(meta, 2).toString();
  const type = typeOf(apiVersion, kind);
  return { apiVersion, kind, ...decodeMessage(type, lengthOf(envelope, 2)) };
}

function typeOf(apiVersion: string, kind: string): string {
  const resource = resourceOfKind(apiVersion, kind);
  const type = resource?.type ?? member(otherTypes, kind);
  if (type === undefined || !isStruct(type)) throw badRequest(`no kind "${kind}" is registered for version "${apiVersion}"`);
  return type;
}

function decodeMessage(type: string, bytes: Buffer): Record<string, unknown> {
  const parts = readFields(bytes);
  const result: Record<string, unknown> = {};
  for (const field of rawFields(type)) {
    const own = field["#"] === undefined ? [] : parts.filter(({ number }) => number === field["#"]);
    if (own.length === 0) continue;
    if (field.inline) Object.assign(result, decodeMessage(field.t, bytesOf(own.at(-1)!)));
    else {
      const value = decodeField(field, own);
      if (value !== undefined) result[field.n] = value;
    }
  }
  return result;
}

function decodeField(field: RawField, own: readonly WireField[]): unknown {
  if (field.map !== undefined) return Object.fromEntries(own.map((entry) => decodeEntry(field, bytesOf(entry))));
  if (field.rep) return own.flatMap((part) => decodeItems(field, part));
  const value = decodeValue(field.t, own.at(-1)!);
  return field.ptr || !isZero(value) ? value : undefined;
}

function decodeEntry(field: RawField, bytes: Buffer): readonly [string, unknown] {
  const parts = readFields(bytes);
  const value = parts.find(({ number }) => number === 2);
  return [
    lengthOf(parts, 1).toString(),
    value === undefined ? (scalarOf(field.t) === "string" || scalarOf(field.t) === "bytes" ? "" : {}) : decodeValue(field.t, value),
  ];
}

/** Numbers may come packed: many in one part. */
function decodeItems(field: RawField, part: WireField): unknown[] {
  const scalar = scalarOf(field.t);
  if ((scalar !== "int32" && scalar !== "int64") || typeof part.value === "bigint") return [decodeValue(field.t, part)];
  const items: unknown[] = [];
  for (const { value } of readFields(part.value, "packed")) items.push(Number(BigInt.asIntN(64, value as bigint)));
  return items;
}

function decodeValue(type: string, part: WireField): unknown {
  const scalar = scalarOf(type);
  if (scalar === undefined) return decodeMessage(type, bytesOf(part));
  if (typeof part.value === "bigint") return scalar === "bool" ? part.value !== 0n : Number(BigInt.asIntN(64, part.value));
  const bytes = part.value;
  switch (scalar) {
    case "bytes":
      return bytes.toString("base64");
    case "quantity":
      return canonical(lengthOf(readFields(bytes), 1).toString());
    case "time":
      return decodeTime(bytes, 3);
    case "micro-time":
      return decodeTime(bytes, 6);
    case "int-or-string":
      return decodeIntOrString(bytes);
    case "any":
      return decodeRaw(lengthOf(readFields(bytes), 1));
    case "strings":
      return readFields(bytes).map((item) => bytesOf(item).toString());
    default:
      return bytes.toString();
  }
}

function canonical(text: string): string {
  const quantity = parseQuantity(text);
  return quantity === undefined ? text : formatQuantity(quantity);
}

/** The last second that four digits of a year can tell. */
const LAST_SECOND = 253_402_300_799n;

/** Seconds and nanoseconds; the zero time is left out. */
function decodeTime(bytes: Buffer, digits: 3 | 6): string | undefined {
  const parts = readFields(bytes);
  const at = (number: number): bigint => BigInt.asIntN(64, (parts.find((part) => part.number === number)?.value as bigint | undefined) ?? 0n);
  const seconds = at(1);
  if (parts.length === 0 || seconds < -62_000_000_000n) return undefined;
  if (seconds > LAST_SECOND) throw badRequest("cannot decode a time after the year 9999");
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return digits === 3 ? `${text}Z` : `${text}.${String(at(2) / 1000n).padStart(6, "0")}Z`;
}

function decodeIntOrString(bytes: Buffer): number | string {
  const parts = readFields(bytes);
  const kind = parts.find(({ number }) => number === 1)?.value ?? 0n;
  if (kind === 1n) return lengthOf(parts, 3).toString();
  return Number(BigInt.asIntN(64, (parts.find(({ number }) => number === 2)?.value as bigint | undefined) ?? 0n));
}

function decodeRaw(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    throw badRequest("raw field of the protobuf message is not JSON");
  }
}

function isZero(value: unknown): boolean {
  return value === undefined || value === "" || value === 0 || value === false;
}

function bytesOf({ value }: WireField): Buffer {
  return typeof value === "bigint" ? Buffer.alloc(0) : value;
}

function lengthOf(parts: readonly WireField[], number: number): Buffer {
  const part = parts.findLast((one) => one.number === number);
  return part === undefined ? Buffer.alloc(0) : bytesOf(part);
}
