/** Pure: device rules as the eBPF program that cgroup v2 asks at each use of a device. Source: linux/bpf.h, struct bpf_cgroup_dev_ctx. */
import { isAll, type DeviceRule } from "./devices.ts";

type Instruction = readonly [code: number, registers: number, offset: number, immediate: number];

const LOAD_WORD = 0x61;
const MOVE = 0xb7;
const MOVE_REGISTER = 0xbc;
const AND = 0x54;
const SHIFT_RIGHT = 0x74;
const JUMP_UNEQUAL = 0x56;
const JUMP_EQUAL = 0x16;
const EXIT = 0x95;
const INSTRUCTION_BYTES = 8;

/** Registers: 0 the answer, 1 the context and then scratch, 2 what is asked, 3 the type, 4 and 5 the numbers. */
const [ANSWER, SCRATCH, ASKED, TYPE, MAJOR, MINOR] = [0, 1, 2, 3, 4, 5];
const TYPES = { b: 1, c: 2 } as const;
const ACCESS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const ALL_ACCESS = 7;

/** The last rule that matches decides; without any the answer is no. What a rule on all devices overrules is left out, for the kernel refuses dead code. */
export function compileDeviceRules(rules: readonly DeviceRule[]): Uint8Array {
  const backwards = [...rules.toReversed(), { allow: false }];
  const reached = backwards.slice(0, backwards.findIndex(isAll) + 1);
  return encode([
    [LOAD_WORD, TYPE | (SCRATCH << 4), 0, 0],
    [MOVE_REGISTER, ASKED | (TYPE << 4), 0, 0],
    [SHIFT_RIGHT, ASKED, 0, 16],
    [AND, TYPE, 0, 0xffff],
    [LOAD_WORD, MAJOR | (SCRATCH << 4), 4, 0],
    [LOAD_WORD, MINOR | (SCRATCH << 4), 8, 0],
    ...reached.flatMap(ruleCode),
  ]);
}

/** An allowance covers what it names and no more; a denial is hit by any part of it. */
function ruleCode({ allow, type = "a", major, minor, access = "rwm" }: DeviceRule): readonly Instruction[] {
  if (type === "a") return answer(allow);
  const bits = Object.entries(ACCESS).reduce((sum, [letter, bit]) => (access.includes(letter) ? sum | bit : sum), 0);
  const tests: readonly (readonly Instruction[])[] = [
    [[JUMP_UNEQUAL, TYPE, 0, TYPES[type]]],
    bits === ALL_ACCESS
      ? []
      : [
          [MOVE_REGISTER, SCRATCH | (ASKED << 4), 0, 0],
          [AND, SCRATCH, 0, allow ? ALL_ACCESS & ~bits : bits],
          [allow ? JUMP_UNEQUAL : JUMP_EQUAL, SCRATCH, 0, 0],
        ],
    isNumber(major) ? [[JUMP_UNEQUAL, MAJOR, 0, major]] : [],
    isNumber(minor) ? [[JUMP_UNEQUAL, MINOR, 0, minor]] : [],
  ];
  const code = [...tests.flat(), ...answer(allow)];
  return code.map((one, index) => (one[0] === JUMP_UNEQUAL || one[0] === JUMP_EQUAL ? ([one[0], one[1], code.length - index - 1, one[3]] as const) : one));
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined && value >= 0;
}

function answer(allow: boolean): readonly Instruction[] {
  return [
    [MOVE, ANSWER, 0, allow ? 1 : 0],
    [EXIT, 0, 0, 0],
  ];
}

/** struct bpf_insn: u8 code, u4 destination, u4 source, s16 offset, s32 immediate. */
function encode(code: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(code.length * INSTRUCTION_BYTES);
  for (const [index, [operation, registers, offset, immediate]] of code.entries()) {
    const at = index * INSTRUCTION_BYTES;
    bytes.writeUInt8(operation, at);
    bytes.writeUInt8(registers, at + 1);
    bytes.writeInt16LE(offset, at + 2);
    bytes.writeInt32LE(immediate, at + 4);
  }
  return bytes;
}
