/** Reads and rewrites single values of the API's scalar types. */
import { formatQuantity, parseQuantity } from "./quantity.ts";
import { structOf, type Field, type Scalar } from "./types.ts";

/** A value that is not of the type of its field; told as the API server tells it. */
export class Mismatch extends Error {
  constructor(place: Place, wanted: string, found: unknown) {
    super(sentence(place, wanted, found));
    this.name = "Mismatch";
  }
}

/** Where a value is: the struct that has the field, and the field's path from the top. */
export interface Place {
  readonly struct: string;
  readonly path: string;
}

/** The path has no places in lists and no keys of maps; the struct has no group. */
function sentence({ struct, path }: Place, wanted: string, found: unknown): string {
  if (wanted === "quantity" && typeof found === "string") return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  if (wanted === "bytes" && typeof found === "string") return `illegal base64 data at input byte ${badByte(found)}`;
  if (wanted.endsWith("time") && typeof found === "string")
    return `parsing time ${JSON.stringify(found)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(found)} as "2006"`;
  const plain = wanted.replace(/^(\[\]|map\[string\])?[a-z0-9]+\/(v\d+\.)/, "$1$2");
  if (struct === "") return `json: cannot unmarshal ${jsonType(found, wanted)} into Go value of type ${plain}`;
  return `json: cannot unmarshal ${jsonType(found, wanted)} into Go struct field ${struct.replace(/^.*\./, "")}.${path} of type ${goType(plain)}`;
}

const goTypes: Readonly<Record<string, string>> = {
  strings: "[]string",
  bytes: "[]uint8",
  quantity: "string",
  "int-or-string": "int32",
  time: "string",
  "micro-time": "string",
};

function goType(name: string): string {
  return goTypes[name] ?? name;
}

/** First place that no base64 has; the end when only its length is wrong. */
function badByte(text: string): number {
  const at = text.search(/[^A-Za-z0-9+/=\r\n]/);
  return at === -1 ? text.length : at;
}

const seconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const microseconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

type Reader = (value: unknown) => unknown;

/** Each gives undefined for a value that does not fit. */
const readers: Readonly<Record<Scalar, Reader>> = {
  string: (value) => (typeof value === "string" ? value : undefined),
  bool: (value) => (typeof value === "boolean" ? value : undefined),
  int32: (value) => integer(value, 2 ** 31),
  int64: (value) => integer(value, 2 ** 63),
  bytes: (value) => (typeof value === "string" && /^[A-Za-z0-9+/]*={0,2}$/.test(value.replace(/[\r\n]/g, "")) ? value : undefined),
  quantity: (value) => (typeof value === "string" || typeof value === "number" ? quantity(value) : undefined),
  time: (value) => time(value, seconds, (date) => date.toISOString().replace(/\.\d+Z$/, "Z")),
  "micro-time": (value) => time(value, microseconds, (date) => date.toISOString().replace(/Z$/, "000Z")),
  "int-or-string": (value) => (typeof value === "string" ? value : integer(value, 2 ** 31)),
  strings: (value) => (Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined),
  any: (value) => value,
};

/** @throws {Mismatch} */
export function decodeScalar(scalar: Scalar, value: unknown, place: Place): unknown {
  const decoded = readers[scalar](value);
  if (decoded === undefined) throw new Mismatch(place, scalar, value);
  return decoded;
}

/** What a field that is always written has when nothing is said; undefined where the type has nothing to write. */
export function zeroOf(field: Field): unknown {
  if (field.shape !== "one") return undefined;
  if (field.struct !== undefined) return zeroStruct(field.struct);
  if (field.scalar === "string") return "";
  if (field.scalar === "bool") return false;
  return field.scalar === "int32" || field.scalar === "int64" ? 0 : undefined;
}

function zeroStruct(type: string): Record<string, unknown> {
  const written = structOf(type).fields.filter((field) => !field.optional && !field.pointer);
  return Object.fromEntries(written.map((field) => [field.name, zeroOf(field)]).filter(([, zero]) => zero !== undefined));
}

function integer(value: unknown, limit: number): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value < limit && value >= -limit ? value : undefined;
}

function quantity(value: string | number): string | undefined {
  const parsed = parseQuantity(value);
  return parsed && formatQuantity(parsed);
}

/** Text that has the `exact` form already stays; other RFC 3339 times are rewritten. */
function time(value: unknown, exact: RegExp, format: (date: Date) => string): string | undefined {
  if (typeof value !== "string") return undefined;
  if (exact.test(value)) return value;
  const date = /^\d{4}-\d\d-\d\dT/.test(value) ? new Date(value) : new Date(NaN);
  return Number.isNaN(date.getTime()) ? undefined : format(date);
}

/** Numbers that do not fit a whole number are told. */
function jsonType(value: unknown, wanted: string): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  if (typeof value === "number" && wanted.startsWith("int")) return `number ${value}`;
  return typeof value === "boolean" ? "bool" : typeof value;
}
