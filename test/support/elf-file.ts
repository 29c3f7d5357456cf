/** Small ELF files of any class and byte order, for tables of cases. Spec: elf(5). */

export interface ElfShape {
  readonly wide?: boolean;
  readonly little?: boolean;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
}

const EM_X86_64 = 62;

/** One loaded segment with everything, at an address that is not its offset. */
export function elfFile(shape: ElfShape): Buffer {
  const { wide = true, little = true } = shape;
  const word = wide ? 8 : 4;
  const [headerSize, segmentSize] = wide ? [64, 56] : [52, 32];
  const strings = [shape.interpreter ?? "", ...(shape.needed ?? []), shape.soname ?? "", shape.rpath ?? "", shape.runpath ?? ""];
  const table = Buffer.from(strings.map((one) => `${one}\0`).join(""), "latin1");
  const at = (text: string): number => table.indexOf(`${text}\0`, 0, "latin1");
  const address = 0x10000;
  const dynamicAt = headerSize + 3 * segmentSize;
  const tags = dynamicTags(shape, at);
  const stringsAt = dynamicAt + (tags.length + 2) * 2 * word;
  const size = stringsAt + table.length;
  const file = Buffer.alloc(size);
  const put = (value: number, offset: number, bytes: number): void => {
    if (bytes === 8) file[little ? "writeBigUInt64LE" : "writeBigUInt64BE"](BigInt(value), offset);
    else file[little ? "writeUIntLE" : "writeUIntBE"](value, offset, bytes);
  };
  file.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1]);
  put(3, 16, 2);
  put(EM_X86_64, 18, 2);
  put(headerSize, wide ? 32 : 28, word);
  put(segmentSize, wide ? 54 : 42, 2);
  const segments = [
    { type: 1, offset: 0, size },
    ...(tags.length > 0 ? [{ type: 2, offset: dynamicAt, size: stringsAt - dynamicAt }] : []),
    ...(shape.interpreter === undefined ? [] : [{ type: 3, offset: stringsAt, size: shape.interpreter.length + 1 }]),
  ];
  put(segments.length, wide ? 56 : 44, 2);
  for (const [index, segment] of segments.entries()) {
    const start = headerSize + index * segmentSize;
    put(segment.type, start, 4);
    put(segment.offset, start + (wide ? 8 : 4), word);
    put(segment.offset + address, start + (wide ? 16 : 8), word);
    put(segment.size, start + (wide ? 32 : 16), word);
  }
  for (const [index, [tag, value]] of [...tags, [5, address + stringsAt] as const].entries()) {
    put(tag, dynamicAt + index * 2 * word, word);
    put(value, dynamicAt + index * 2 * word + word, word);
  }
  table.copy(file, stringsAt);
  return file;
}

function dynamicTags(shape: ElfShape, at: (text: string) => number): readonly (readonly [tag: number, value: number])[] {
  return [
    ...(shape.needed ?? []).map((name) => [1, at(name)] as const),
    ...(shape.soname === undefined ? [] : [[14, at(shape.soname)] as const]),
    ...(shape.rpath === undefined ? [] : [[15, at(shape.rpath)] as const]),
    ...(shape.runpath === undefined ? [] : [[29, at(shape.runpath)] as const]),
  ];
}
