/** Profiles compile to programs that answer as the profile says, for every system call and every comparison. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_CAPABILITIES } from "../../runtime/defaults.ts";
import { compileSeccomp } from "../../runtime/process/seccomp/compile.ts";
import { defaultSeccomp } from "../../runtime/process/seccomp/default-profile.ts";
import { syscallNumbers } from "../../runtime/process/seccomp/syscalls.ts";
import type { SeccompSpec } from "../../runtime/spec.ts";
import { runFilter } from "./bpf.ts";

const X64 = 0xc000_003e;
const X86 = 0x4000_0003;
const ALLOW = 0x7fff_0000;
const ERRNO = 0x0005_0000;
const KILL = 0x8000_0000;
const numbers = syscallNumbers("x64");
const nr = (name: string): number => numbers.get(name) ?? -1;
const rules = (...syscalls: NonNullable<SeccompSpec["syscalls"]>): SeccompSpec => ({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 1, syscalls });

describe("the tables", () => {
  test.each([
    ["x64", "read", 0],
    ["x64", "openat2", 437],
    ["x64", "file_setattr", 469],
    ["x86", "exit", 1],
    ["x86", "clone3", 435],
    ["arm64", "openat", 56],
    ["arm64", "clone3", 435],
  ] as const)("on %s, %s is %d", (table, name, number) => expect(syscallNumbers(table).get(name)).toBe(number));
});

describe("the default profile", () => {
  const [program] = compileSeccomp(defaultSeccomp(DEFAULT_CAPABILITIES));
  const answer = (name: string, ...args: bigint[]): number => runFilter(program, { arch: X64, nr: nr(name), args }).action;

  test("what leads out of a container is withheld, what programs live on is not", () => {
    const withheld = [...numbers.keys()].filter((name) => answer(name, 0xffff_ffff_ffff_ffffn) !== ALLOW);
    for (const name of ["keyctl", "bpf", "unshare", "mount", "setns", "io_uring_setup", "userfaultfd", "kexec_load", "open_by_handle_at", "add_key"])
      expect(withheld).toContain(name);
    for (const name of ["read", "openat", "execve", "futex", "ptrace", "prctl", "seccomp", "landlock_create_ruleset", "memfd_secret"])
      expect(withheld).not.toContain(name);
  });

  test.each([
    { name: "clone of a thread", call: "clone", args: [0x3d0f00n], action: ALLOW },
    { name: "clone with a user namespace", call: "clone", args: [0x1000_0011n], action: ERRNO | 1 },
    { name: "clone with a mount namespace", call: "clone", args: [0x2_0000n], action: ERRNO | 1 },
    { name: "clone3", call: "clone3", args: [], action: ERRNO | 38 },
    { name: "a unix socket", call: "socket", args: [1n], action: ALLOW },
    { name: "AF_ALG", call: "socket", args: [38n], action: ERRNO | 1 },
    { name: "AF_CAIF - 1", call: "socket", args: [39n], action: ALLOW },
    { name: "AF_VSOCK", call: "socket", args: [40n], action: ERRNO | 1 },
    { name: "AF_KCM", call: "socket", args: [41n], action: ALLOW },
    { name: "personality PER_LINUX", call: "personality", args: [0n], action: ALLOW },
    { name: "personality query", call: "personality", args: [0xffff_ffffn], action: ALLOW },
    { name: "personality ADDR_NO_RANDOMIZE", call: "personality", args: [0x4_0000n], action: ERRNO | 1 },
  ])("$name", ({ call, args, action }) => expect(answer(call, ...args)).toBe(action));

  test.each([
    { name: "x32 does not exist", arch: X64, nr: 0x4000_0000 + 39, action: ERRNO | 38 },
    { name: "a number that nobody knows does not exist", arch: X64, nr: 5000, action: ERRNO | 38 },
    { name: "a number below zero does not exist", arch: X64, nr: -1, action: ERRNO | 38 },
    { name: "32-bit programs may read", arch: X86, nr: 3, action: ALLOW },
    { name: "32-bit programs may not mount", arch: X86, nr: 21, action: ERRNO | 1 },
    { name: "a foreign architecture is the end", arch: 0xc000_00b7, nr: 63, action: KILL },
  ])("$name", ({ arch, nr: number, action }) => expect(runFilter(program, { arch, nr: number }).action).toBe(action));

  test("the answer takes at most 25 steps where no argument is looked at", () => {
    for (const number of numbers.values()) expect(runFilter(program, { arch: X64, nr: number }).steps).toBeLessThan(number === nr("personality") ? 60 : 30);
  });

  test("capabilities open what they are for", () => {
    const opened = (capability: string, name: string): boolean =>
      runFilter(compileSeccomp(defaultSeccomp([capability]))[0], { arch: X64, nr: nr(name), args: [0x2_0000n] }).action === ALLOW;
    for (const name of ["mount", "unshare", "setns", "clone", "clone3", "bpf"]) expect(opened("CAP_SYS_ADMIN", name)).toBe(true);
    expect([opened("CAP_SYS_CHROOT", "chroot"), opened("CAP_CHOWN", "chroot"), opened("CAP_SYSLOG", "syslog"), opened("CAP_SYS_BOOT", "reboot")]).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });
});

describe("comparisons of 64-bit arguments", () => {
  const operators = {
    SCMP_CMP_EQ: (one: bigint, other: bigint) => one === other,
    SCMP_CMP_NE: (one: bigint, other: bigint) => one !== other,
    SCMP_CMP_LT: (one: bigint, other: bigint) => one < other,
    SCMP_CMP_LE: (one: bigint, other: bigint) => one <= other,
    SCMP_CMP_GT: (one: bigint, other: bigint) => one > other,
    SCMP_CMP_GE: (one: bigint, other: bigint) => one >= other,
  };
  /** Few distinct words, so that equal halves are common. */
  const word = fc.constantFrom(0n, 1n, 2n, 0xffff_ffffn, 0xffff_fffen);
  const number = fc.tuple(fc.constantFrom(0n, 1n, 0x1f_ffffn), word).map(([high, low]) => (high << 32n) | low);

  test.each(Object.entries(operators))("%s", (op, holds) => {
    fc.assert(
      fc.property(number, number, (value, given) => {
        const [program] = compileSeccomp(rules({ names: ["read"], action: "SCMP_ACT_ALLOW", args: [{ index: 1, value: Number(value), op }] }));
        expect(runFilter(program, { arch: X64, nr: 0, args: [0n, given] }).action === ALLOW).toBe(holds(given, value));
      }),
    );
  });

  test("SCMP_CMP_MASKED_EQ", () => {
    fc.assert(
      fc.property(number, number, number, (mask, value, given) => {
        const [program] = compileSeccomp(
          rules({ names: ["read"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: Number(mask), valueTwo: Number(value), op: "SCMP_CMP_MASKED_EQ" }] }),
        );
        expect(runFilter(program, { arch: X64, nr: 0, args: [given] }).action === ALLOW).toBe((given & mask) === value);
      }),
    );
  });

  test("all conditions of a rule must hold, any rule is enough", () => {
    const both = { names: ["read"], action: "SCMP_ACT_ALLOW", args: [0, 1].map((index) => ({ index, value: 1, op: "SCMP_CMP_EQ" })) };
    const one = { names: ["read"], action: "SCMP_ACT_LOG", args: [{ index: 2, value: 7, op: "SCMP_CMP_GE" }] };
    const [program] = compileSeccomp(rules(both, one));
    const answer = (...args: bigint[]): number => runFilter(program, { arch: X64, nr: 0, args }).action;
    expect([answer(1n, 1n, 0n), answer(1n, 2n, 0n), answer(1n, 2n, 9n)]).toEqual([ALLOW, ERRNO | 1, 0x7ffc_0000]);
  });
});

describe("profiles", () => {
  test("random sets of allowed calls answer as they stand", () => {
    const names = [...numbers.keys()];
    fc.assert(
      fc.property(fc.subarray(names), (allowed) => {
        const [program] = compileSeccomp(rules({ names: allowed, action: "SCMP_ACT_ALLOW" }));
        const set = new Set(allowed);
        return names.every((name) => (runFilter(program, { arch: X64, nr: nr(name) }).action === ALLOW) === set.has(name));
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    ["SCMP_ACT_KILL", 0],
    ["SCMP_ACT_KILL_PROCESS", KILL],
    ["SCMP_ACT_TRAP", 0x3_0000],
    ["SCMP_ACT_LOG", 0x7ffc_0000],
    ["SCMP_ACT_ALLOW", ALLOW],
  ])("%s", (action, number) => expect(runFilter(compileSeccomp(rules({ names: ["read"], action }))[0], { arch: X64, nr: 0 }).action).toBe(number));

  test("names that this kernel's table lacks are skipped", () =>
    expect(() => compileSeccomp(rules({ names: ["no_such_call"], action: "SCMP_ACT_ALLOW" }))).not.toThrow());
  test.each([
    [{ defaultAction: "SCMP_ACT_NOTIFY" }, "UNSUPPORTED"],
    [{ ...rules(), flags: ["SECCOMP_FILTER_FLAG_NEW"] }, "UNSUPPORTED"],
    [rules({ names: ["read"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 0, op: "SCMP_CMP_LIKE" }] }), "SPEC_INVALID"],
  ] as const)("%j is refused", (profile, code) => expect(() => compileSeccomp(profile)).toThrow(expect.objectContaining({ code })));
});
