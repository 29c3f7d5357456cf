/** Pure: a seccomp profile as the kernel's filter program. Spec: runtime-spec 1.2, config-linux.md, "Seccomp"; linux/seccomp.h. */
import { RuntimeError } from "../../errors.ts";
import type { SeccompSpec } from "../../spec.ts";
import { Assembler, type Label } from "./assembler.ts";
import { syscallNumbers, type Architecture } from "./syscalls.ts";

type Rule = NonNullable<SeccompSpec["syscalls"]>[number];
type Condition = NonNullable<Rule["args"]>[number];

/** What is done with one system call: the first rule whose conditions all hold, else `otherwise`. */
interface Verdict {
  readonly rules: readonly { readonly conditions: readonly Condition[]; readonly action: number }[];
  readonly otherwise: number;
}

/** System calls from `from` on, up to the next range, get the same verdict. */
interface Range {
  readonly from: number;
  readonly verdict: Verdict;
}

const NR = 0;
const ARCH = 4;
const ARGUMENTS = 16;
const X32_BIT = 0x4000_0000;
const ENOSYS = 38;
const EPERM = 1;
const KILL_PROCESS = 0x8000_0000;
const ERRNO = 0x0005_0000;
const MAX_INSTRUCTIONS = 4096;

/** AUDIT_ARCH_* of linux/audit.h. */
const ARCHITECTURES: Readonly<Record<string, { readonly audit: number; readonly table: Architecture }>> = {
  SCMP_ARCH_X86_64: { audit: 0xc000_003e, table: "x64" },
  SCMP_ARCH_X86: { audit: 0x4000_0003, table: "x86" },
  SCMP_ARCH_AARCH64: { audit: 0xc000_00b7, table: "arm64" },
};

/** Profiles are shared between machines: calls of these cannot be made here, and x32's, which has its parent's number, are always refused. */
const ELSEWHERE = new Set(
  `X32 ARM MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X PARISC PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB`
    .split(" ")
    .map((name) => `SCMP_ARCH_${name}`),
);

const FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
};

const ACTIONS: Readonly<Record<string, (errno: number) => number>> = {
  SCMP_ACT_ALLOW: () => 0x7fff_0000,
  SCMP_ACT_ERRNO: (errno) => ERRNO | Math.min(errno, 4095),
  SCMP_ACT_KILL: () => 0,
  SCMP_ACT_KILL_PROCESS: () => KILL_PROCESS,
  SCMP_ACT_KILL_THREAD: () => 0,
  SCMP_ACT_LOG: () => 0x7ffc_0000,
  SCMP_ACT_TRACE: (errno) => 0x7ff0_0000 | errno,
  SCMP_ACT_TRAP: () => 0x0003_0000,
};

export const SECCOMP_ACTIONS: readonly string[] = Object.keys(ACTIONS);
export const SECCOMP_ARCHITECTURES: readonly string[] = Object.keys(ARCHITECTURES).toSorted();
export const SECCOMP_FLAGS: readonly string[] = Object.keys(FLAGS);
export const SECCOMP_OPERATORS: readonly string[] = ["EQ", "GE", "GT", "LE", "LT", "MASKED_EQ", "NE"].map((name) => `SCMP_CMP_${name}`);

/** @returns the program's bytes and the flags to load it with. @throws {RuntimeError} `SPEC_INVALID`, `UNSUPPORTED` */
export function compileSeccomp(profile: SeccompSpec): readonly [Uint8Array, number] {
  const native = process.arch === "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";
  const names = new Set([native, ...(profile.architectures ?? [])]);
  for (const name of names) if (!Object.hasOwn(ARCHITECTURES, name) && !ELSEWHERE.has(name)) refuse("architecture", name);
  const code = new Assembler();
  for (const [name, { audit, table }] of Object.entries(ARCHITECTURES)) {
    if (!names.has(name)) continue;
    const other = code.label();
    code.load(ARCH);
    code.jumpUnlessFar("eq", audit, other);
    code.load(NR);
    if (table === "x64") refuseX32(code);
    emitTree(code, rangesOf(profile, table));
    code.place(other);
  }
  code.answer(KILL_PROCESS);
  if (code.length > MAX_INSTRUCTIONS)
    throw new RuntimeError("SPEC_INVALID", `Cannot load the seccomp profile: it needs ${code.length} instructions of at most ${MAX_INSTRUCTIONS}`);
  return [code.bytes(), (profile.flags ?? []).reduce((bits, flag) => bits | flagNumber(flag), 0)];
}

function refuseX32(code: Assembler): void {
  const native = code.label();
  code.jumpUnless("ge", X32_BIT, native);
  code.answer(ERRNO | ENOSYS);
  code.place(native);
}

function rangesOf(profile: SeccompSpec, table: Architecture): readonly Range[] {
  const numbers = syscallNumbers(table);
  const fallback: Verdict = { rules: [], otherwise: actionNumber(profile.defaultAction, profile.defaultErrnoRet) };
  const newer: Verdict = fallback.otherwise >>> 16 === ERRNO >>> 16 ? { rules: [], otherwise: ERRNO | ENOSYS } : fallback;
  const verdicts = new Map<number, Verdict>();
  for (const rule of profile.syscalls ?? []) {
    for (const name of rule.names) {
      const number = numbers.get(name);
      if (number !== undefined) verdicts.set(number, withRule(verdicts.get(number) ?? fallback, rule)); // a name of another kernel is no error
    }
  }
  const last = Math.max(...numbers.values());
  const all = Array.from({ length: last + 1 }, (_, number): Range => ({ from: number, verdict: verdicts.get(number) ?? fallback }));
  // What this table does not know yet does not exist: programs then fall back to what it knows.
  return [...all, { from: last + 1, verdict: newer }].filter((range, index, list) => index === 0 || !isSame(range.verdict, list[index - 1]?.verdict));
}

function withRule(verdict: Verdict, rule: Rule): Verdict {
  const action = actionNumber(rule.action, rule.errnoRet);
  const conditions = rule.args ?? [];
  return conditions.length === 0 ? { rules: verdict.rules, otherwise: action } : { ...verdict, rules: [...verdict.rules, { conditions, action }] };
}

function isSame(one: Verdict, other: Verdict | undefined): boolean {
  return one === other || (one.rules.length === 0 && other?.rules.length === 0 && one.otherwise === other.otherwise);
}

/** Binary search over the ranges; the number is in the accumulator. */
function emitTree(code: Assembler, ranges: readonly Range[]): void {
  const middle = ranges.length >> 1;
  const pivot = ranges[middle];
  const only = ranges[0];
  if (pivot === undefined || only === undefined) return;
  if (ranges.length === 1) {
    emitVerdict(code, only.verdict);
    return;
  }
  const left = code.label();
  code.jumpUnlessFar("ge", pivot.from, left);
  emitTree(code, ranges.slice(middle));
  code.place(left);
  emitTree(code, ranges.slice(0, middle));
}

function emitVerdict(code: Assembler, verdict: Verdict): void {
  for (const rule of verdict.rules) {
    const next = code.label();
    for (const condition of rule.conditions) emitCondition(code, condition, next);
    code.answer(rule.action);
    code.place(next);
  }
  code.answer(verdict.otherwise);
}

/** Goes on when the condition holds, else to `fail`. Arguments are 64 bits wide, the accumulator 32: the high word first. */
function emitCondition(code: Assembler, { index, op, value, valueTwo = 0 }: Condition, fail: Label): void {
  const masked = op === "SCMP_CMP_MASKED_EQ";
  const wanted = BigInt(masked ? valueTwo : value);
  const mask = masked ? BigInt(value) : 0xffff_ffff_ffff_ffffn;
  const [high, low] = [Number((wanted >> 32n) & 0xffff_ffffn), Number(wanted & 0xffff_ffffn)];
  const load = (offset: number, bits: bigint): void => {
    code.load(ARGUMENTS + index * 8 + offset);
    if (masked) code.and(Number(bits & 0xffff_ffffn));
  };
  const pass = code.label();
  load(4, mask >> 32n);
  switch (op) {
    case "SCMP_CMP_EQ":
    case "SCMP_CMP_MASKED_EQ":
      code.jumpUnless("eq", high, fail);
      load(0, mask);
      code.jumpUnless("eq", low, fail);
      break;
    case "SCMP_CMP_NE":
      code.jumpUnless("eq", high, pass);
      load(0, mask);
      code.jumpIf("eq", low, fail);
      break;
    case "SCMP_CMP_GT":
    case "SCMP_CMP_GE":
      code.jumpIf("gt", high, pass);
      code.jumpUnless("eq", high, fail);
      load(0, mask);
      code.jumpUnless(op === "SCMP_CMP_GT" ? "gt" : "ge", low, fail);
      break;
    case "SCMP_CMP_LT":
    case "SCMP_CMP_LE":
      code.jumpIf("gt", high, fail);
      code.jumpUnless("eq", high, pass);
      load(0, mask);
      code.jumpIf(op === "SCMP_CMP_LT" ? "ge" : "gt", low, fail);
      break;
    default:
      throw new RuntimeError("SPEC_INVALID", `Cannot compare a system call's argument by ${JSON.stringify(op)}: there is no such comparison`);
  }
  code.place(pass);
}

function actionNumber(action: string, errno = EPERM): number {
  return (ACTIONS[action] ?? refuse("action", action))(errno);
}

function flagNumber(flag: string): number {
  return FLAGS[flag] ?? refuse("flag", flag);
}

/** Also what only listeners have a use for: SCMP_ACT_NOTIFY, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV. */
function refuse(what: "action" | "architecture" | "flag", name: string): never {
  throw new RuntimeError("UNSUPPORTED", `Cannot load the seccomp profile: strata does not support the ${what} ${JSON.stringify(name)}`);
}
