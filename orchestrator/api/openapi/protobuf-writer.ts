/** Writes protobuf messages: fields as buffers, put together by number. Spec: protobuf encoding. */

/** A string, or a message that is already bytes. Absent ones are left out. */
export function field(number: number, value: string | Buffer | undefined): Buffer {
  if (value === undefined) return Buffer.alloc(0);
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

export function message(...fields: readonly Buffer[]): Buffer {
  return Buffer.concat(fields);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
