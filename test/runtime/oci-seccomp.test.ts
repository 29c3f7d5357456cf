/** What a seccomp profile says beside its rules, in real system calls: whose table of numbers they are of, and the flags of the filter. */
import { describe, expect, test } from "vitest";
import { openedForAll } from "../support/opened.ts";
import type { Overrides } from "./lab.ts";
import { openOciLab } from "./oci-lab.ts";

const oci = openedForAll(openOciLab);

type Seccomp = NonNullable<NonNullable<Overrides["linux"]>["seccomp"]>;
const X64 = "SCMP_ARCH_X86_64";
const X86 = "SCMP_ARCH_X86";
const KILLED_BY_SIGSYS = 128 + 31;

const profile = (more: Partial<Seccomp>): Overrides => ({ linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", ...more } } });
/** EHOSTDOWN is what no kernel answers to these by itself. */
const withheld = (...names: readonly string[]): Partial<Seccomp> => ({ syscalls: [{ names, action: "SCMP_ACT_ERRNO", errnoRet: 112 }] });

describe("architectures", () => {
  const rows = [
    { name: "one that is not listed is the end", call: "x86-getpid", more: { architectures: [X64] }, exit: KILLED_BY_SIGSYS, says: "" },
    { name: "nor is it there when none is listed", call: "x86-getpid", more: {}, exit: KILLED_BY_SIGSYS, says: "" },
    { name: "one that is listed has the default action", call: "x86-getpid", more: { architectures: [X64, X86] }, exit: 0, says: "ok\n" },
    { name: "and the rules", call: "x86-getpid", more: { architectures: [X64, X86], ...withheld("getpid") }, exit: 0, says: "EHOSTDOWN\n" },
    { name: "by its own numbers", call: "x86-getpid", more: { architectures: [X64, X86], ...withheld("writev") }, exit: 0, says: "ok\n" },
    { name: "this machine's own is listed always", call: "keyctl", more: { architectures: [X86], ...withheld("keyctl") }, exit: 0, says: "EHOSTDOWN\n" },
    { name: "x32 does not exist, listed or not", call: "x32-getpid", more: { architectures: [X64, "SCMP_ARCH_X32"] }, exit: 0, says: "ENOSYS\n" },
  ];
  test.each(rows)("$name", async ({ call, more, exit, says }) => {
    const done = await oci.lab.run(["probe", "ask", call], profile(more));
    expect([done.exit.exitCode, done.stdout]).toEqual([exit, says]);
  });
});

describe("flags", () => {
  const FLAG = (name: string): string => `SECCOMP_FILTER_FLAG_${name}`;
  test.each([
    { flags: [], told: "0" },
    { flags: ["LOG"], told: FLAG("LOG") },
    { flags: ["SPEC_ALLOW"], told: FLAG("SPEC_ALLOW") },
    { flags: ["TSYNC", "LOG", "SPEC_ALLOW"], told: ["TSYNC", "LOG", "SPEC_ALLOW"].map(FLAG).join("|") },
  ])("$flags: the filter is loaded with them", async ({ flags, told }) => {
    const lines = await oci.traced("seccomp", oci.bundle("true", profile({ flags: flags.map(FLAG) })));
    const loads = lines.filter((line) => line.includes("SECCOMP_SET_MODE_FILTER"));
    expect(loads).toEqual([expect.stringMatching(/= 0$/)]);
    expect(/SECCOMP_SET_MODE_FILTER, ([^,]+),/.exec(loads[0] ?? "")?.[1]).toBe(told);
  });
});

describe("refused by name", () => {
  test.each([
    { what: "flag", more: { flags: ["SECCOMP_FILTER_FLAG_NEWEST"] }, name: "SECCOMP_FILTER_FLAG_NEWEST" },
    { what: "flag", more: { flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] }, name: "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" },
    { what: "architecture", more: { architectures: [X64, "SCMP_ARCH_VAX"] }, name: "SCMP_ARCH_VAX" },
    { what: "action", more: { defaultAction: "SCMP_ACT_SHRUG" }, name: "SCMP_ACT_SHRUG" },
  ])("the $what $name", async ({ what, more, name }) => {
    await expect(oci.lab.shell("true", profile(more))).rejects.toThrow(`does not support the ${what} "${name}"`);
  });

  test("while an architecture of another machine is no error: none of its calls can be made here", async () => {
    const architectures = [X64, "SCMP_ARCH_S390X", "SCMP_ARCH_AARCH64"];
    expect((await oci.lab.run(["probe", "ask", "keyctl"], profile({ architectures, ...withheld("keyctl") }))).stdout).toBe("EHOSTDOWN\n");
  });
});
