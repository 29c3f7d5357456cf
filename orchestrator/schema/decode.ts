/**
 * Brings JSON into the canonical form of its type, as reading it into the type and writing it again would:
 * unknown fields are dropped and reported, wrong types refused, zero values of optional fields left out, quantities and times rewritten.
 */
import { decodeScalar, Mismatch, zeroOf, type Place } from "./scalars.ts";
import { structOf, type Field } from "./types.ts";

export interface Decoded {
  readonly value: any;
  /** Paths of the unknown fields that were dropped, as `spec.replicaz`. */
  readonly unknown: readonly string[];
}

/** @throws {Mismatch} where a value is not of its field's type */
export function decode(type: string, value: unknown): Decoded {
  const unknown: string[] = [];
  return { value: decodeStruct(type, value, { struct: "", path: "", at: "" }, unknown), unknown };
}

/** `at` is the path with the places in lists, for unknown fields. */
interface Spot extends Place {
  readonly at: string;
}

function decodeStruct(type: string, value: unknown, spot: Spot, unknown: string[]): Record<string, unknown> {
  if (!isRecord(value)) throw new Mismatch(spot, type, value);
  const struct = structOf(type);
  const result: Record<string, unknown> = {};
  for (const field of struct.fields) {
    const given = value[field.name];
    const part =
      given === undefined || given === null
        ? absent(field)
        : decodeField(field, given, { struct: type, path: join(spot.path, field.name), at: join(spot.at, field.name) }, unknown);
    if (part !== undefined) result[field.name] = part;
  }
  for (const name of Object.keys(value)) if (!struct.byName.has(name)) unknown.push(join(spot.at, name));
  return result;
}

function absent(field: Field): unknown {
  return field.optional || field.pointer ? undefined : zeroOf(field);
}

function decodeField(field: Field, value: unknown, spot: Spot, unknown: string[]): unknown {
  if (field.shape === "list") return decodeList(field, value, spot, unknown);
  if (field.shape === "map") return decodeMap(field, value, spot, unknown);
  const decoded = decodeOne(field, value, spot, unknown);
  return field.optional && !field.pointer && isZero(decoded) ? undefined : decoded;
}

function decodeList(field: Field, value: unknown, spot: Spot, unknown: string[]): unknown {
  if (!Array.isArray(value)) throw new Mismatch(spot, `[]${field.type}`, value);
  if (value.length === 0 && field.optional) return undefined;
  return value.map((item, index) => decodeOne(field, item, { ...spot, at: `${spot.at}[${index}]` }, unknown));
}

function decodeMap(field: Field, value: unknown, spot: Spot, unknown: string[]): unknown {
  if (!isRecord(value)) throw new Mismatch(spot, `map[string]${field.type}`, value);
  const entries = Object.entries(value);
  if (entries.length === 0 && field.optional) return undefined;
  return Object.fromEntries(entries.map(([key, item]) => [key, decodeOne(field, item, { ...spot, at: `${spot.at}.${key}` }, unknown)]));
}

function decodeOne(field: Field, value: unknown, spot: Spot, unknown: string[]): unknown {
  if (field.struct !== undefined) return decodeStruct(field.struct, value ?? {}, spot, unknown);
  return decodeScalar(field.scalar ?? "any", value, spot);
}

/** Structs are never left out, however empty. */
function isZero(value: unknown): boolean {
  return value === "" || value === 0 || value === false || value === undefined;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
