/** The wire format of protobuf, read into numbered fields. Spec: protobuf encoding. */
import { badRequest } from "../errors.ts";

export interface WireField {
  readonly number: number;
  /** Varints and fixed numbers as bigint; strings, messages and packed numbers as bytes. */
  readonly value: bigint | Buffer;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const MAX_VARINT_BYTES = 10;

/** `packed` reads bare varints one after another. @throws {ApiError} `BadRequest` when the bytes end too soon or have a wire type that is not in use */
export function readFields(bytes: Buffer, form: "message" | "packed" = "message"): WireField[] {
  const fields: WireField[] = [];
  let offset = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      const byte = bytes[offset++];
      if (byte === undefined) throw truncated();
      value |= BigInt(byte & 0x7f) << BigInt(7 * count);
      if (byte < 0x80) return value;
    }
    throw truncated();
  };
  const take = (length: number): Buffer => {
    if (offset + length > bytes.length) throw truncated();
    offset += length;
    return bytes.subarray(offset - length, offset);
  };
  while (offset < bytes.length) {
    if (form === "packed") {
      fields.push({ number: 0, value: varint() });
      continue;
    }
    const tag = Number(varint());
    fields.push({ number: tag >>> 3, value: readValue(tag & 7, varint, take) });
  }
  return fields;
}

function readValue(type: number, varint: () => bigint, take: (length: number) => Buffer): bigint | Buffer {
  if (type === VARINT) return varint();
  if (type === BYTES) return take(Number(varint()));
  if (type === FIXED64) return take(8).readBigUInt64LE();
  if (type === FIXED32) return BigInt(take(4).readUInt32LE());
  throw badRequest(`proto: wrong wireType = ${type}`);
}

function truncated(): Error {
  return badRequest("unexpected EOF in the protobuf message");
}
