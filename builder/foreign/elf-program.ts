/** The smallest programs that a kernel starts: one loaded segment with a header and code. Spec: elf(5), and each architecture's processor supplement. */

export interface Machine {
  /** e_machine. */
  readonly code: number;
  /** 64-bit words. */
  readonly wide: boolean;
  readonly little: boolean;
  /** e_flags: which of the architecture's calling conventions. */
  readonly flags: number;
  /** `exit(0)` in its instructions, in hex as they lie in memory. */
  readonly exit: string;
}

/** By Go's name of the architecture. */
export const MACHINES: Readonly<Record<string, Machine>> = {
  "386": { code: 3, wide: false, little: true, flags: 0, exit: "b801000000 31db cd80" },
  amd64: { code: 62, wide: true, little: true, flags: 0, exit: "b83c000000 31ff 0f05" },
  arm: { code: 40, wide: false, little: true, flags: 0x0500_0000, exit: "0000a0e3 0170a0e3 000000ef" },
  arm64: { code: 183, wide: true, little: true, flags: 0, exit: "000080d2 a80b80d2 010000d4" },
  loong64: { code: 258, wide: true, little: true, flags: 0x43, exit: "04008002 0b748102 00002b00" },
  mips64: { code: 8, wide: true, little: false, flags: 0x8000_0007, exit: "240213c2 24040000 0000000c" },
  mips64le: { code: 8, wide: true, little: true, flags: 0x8000_0007, exit: "c2130224 00000424 0c000000" },
  ppc64le: { code: 21, wide: true, little: true, flags: 2, exit: "01000038 00006038 02000044" },
  riscv64: { code: 243, wide: true, little: true, flags: 0, exit: "13050000 9308d005 73000000" },
  s390x: { code: 22, wide: true, little: false, flags: 0, exit: "a7290000 0a01" },
};

const ADDRESS = 0x40_0000;
const PAGE = 0x1_0000;
const EXECUTABLE = 2;
const LOAD = 1;
const READ_EXECUTE = 5;

export function elfProgram({ code, wide, little, flags }: Machine, text: Uint8Array): Buffer {
  const [headerBytes, segmentBytes] = wide ? [64, 56] : [52, 32];
  const start = headerBytes + segmentBytes;
  const file = Buffer.alloc(start + text.length);
  let at = 0;
  const put = (value: number, bytes: 2 | 4 | 8): void => {
    if (bytes === 8) file[little ? "writeBigUInt64LE" : "writeBigUInt64BE"](BigInt(value), at);
    else file[little ? "writeUIntLE" : "writeUIntBE"](value, at, bytes);
    at += bytes;
  };
  const word = wide ? 8 : 4;
  file.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1]);
  at = 16;
  for (const half of [EXECUTABLE, code]) put(half, 2);
  put(1, 4);
  for (const place of [ADDRESS + start, headerBytes, 0]) put(place, word);
  put(flags, 4);
  for (const half of [headerBytes, segmentBytes, 1, 0, 0, 0]) put(half, 2);
  put(LOAD, 4);
  if (wide) put(READ_EXECUTE, 4);
  for (const value of [0, ADDRESS, ADDRESS, file.length, file.length]) put(value, word);
  if (!wide) put(READ_EXECUTE, 4);
  put(PAGE, word);
  file.set(text, start);
  return file;
}

/** A program of that architecture that ends at once, with 0; undefined for architectures that are not known. */
export function probeProgram(architecture: string): Buffer | undefined {
  const machine = MACHINES[architecture];
  return machine === undefined ? undefined : elfProgram(machine, Buffer.from(machine.exit.replaceAll(" ", ""), "hex"));
}
