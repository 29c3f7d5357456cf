/** Profile files in docker's form: which rules are left for a container, and that the kernel then obeys them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readProfile } from "../../runtime/process/seccomp/profile.ts";
import { openLab, type Lab } from "./engine-lab.ts";

const machine = { capabilities: ["CAP_CHOWN", "CAP_SYS_ADMIN"], architecture: "amd64", kernel: "6.1.0-18-amd64" };
const profile = (...syscalls: readonly object[]): string => JSON.stringify({ defaultAction: "SCMP_ACT_ERRNO", syscalls });
const rule = (more: object = {}): object => ({ names: ["mount"], action: "SCMP_ACT_ALLOW", ...more });

describe("a rule applies", () => {
  test.each([
    { name: "without conditions", more: {}, applies: true },
    { name: "with a capability that is there", more: { includes: { caps: ["CAP_SYS_ADMIN"] } }, applies: true },
    { name: "not with one that is missing", more: { includes: { caps: ["CAP_SYS_ADMIN", "CAP_BPF"] } }, applies: false },
    { name: "not when an excluded one is there", more: { excludes: { caps: ["CAP_BPF", "CAP_CHOWN"] } }, applies: false },
    { name: "on one of its architectures", more: { includes: { arches: ["arm64", "amd64"] } }, applies: true },
    { name: "not on another", more: { includes: { arches: ["s390x"] } }, applies: false },
    { name: "not on an excluded one", more: { excludes: { arches: ["amd64"] } }, applies: false },
    { name: "from its kernel on", more: { includes: { minKernel: "4.8" } }, applies: true },
    { name: "from that very kernel on", more: { includes: { minKernel: "6.1" } }, applies: true },
    { name: "not before it", more: { includes: { minKernel: "6.10" } }, applies: false },
    { name: "not from an excluded kernel on", more: { excludes: { minKernel: "5.19" } }, applies: false },
    { name: "with empty conditions", more: { includes: {}, excludes: {}, args: [], comment: "" }, applies: true },
  ])("$name", ({ more, applies }) => {
    expect(readProfile(profile(rule(more)), machine).syscalls).toEqual(applies ? [{ names: ["mount"], action: "SCMP_ACT_ALLOW" }] : []);
  });

  test("the old form names one system call; architectures come from archMap", () => {
    const archMap = [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] }, { architecture: "SCMP_ARCH_AARCH64" }];
    expect(readProfile(JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", archMap, syscalls: [{ name: "chmod", action: "SCMP_ACT_KILL" }] }), machine)).toEqual({
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
      syscalls: [{ names: ["chmod"], action: "SCMP_ACT_KILL" }],
    });
  });
});

test.each([
  { name: "notify", text: profile(rule({ action: "SCMP_ACT_NOTIFY" })), code: "UNSUPPORTED", message: "SCMP_ACT_NOTIFY" },
  { name: "a listener", text: JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/run/x" }), code: "UNSUPPORTED", message: "SCMP_ACT_NOTIFY" },
  { name: "what is no JSON", text: "{", code: "SPEC_INVALID", message: "Cannot read the seccomp profile" },
  { name: "what is no profile", text: "[]", code: "SPEC_INVALID", message: "defaultAction" },
  { name: "a rule without a call", text: profile({ action: "SCMP_ACT_ALLOW" }), code: "SPEC_INVALID", message: "rule 1" },
])("$name is refused", ({ text, code, message }) => {
  expect(() => readProfile(text, machine)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) as unknown }));
});

describe("a container", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(async () => {
    await lab[Symbol.asyncDispose]();
  });
  const denyChmod = JSON.stringify({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["chmod", "fchmodat", "fchmodat2"], action: "SCMP_ACT_ERRNO", errnoRet: 38, excludes: { caps: ["CAP_SYS_ADMIN"] } }],
  });
  const script = ["sh", "-c", "touch /x; chmod 600 /x 2>/dev/null && echo changed || echo refused"];

  test.each([
    { name: "obeys it", options: {}, stdout: "refused\n" },
    { name: "is left alone where a capability excludes the rule", options: { capAdd: ["SYS_ADMIN"] }, stdout: "changed\n" },
    {
      name: "obeys it when it is privileged too, for it was asked for",
      options: { privileged: true, seccomp: denyChmod.replace("CAP_SYS_ADMIN", "CAP_NONE") },
      stdout: "refused\n",
    },
    { name: "has no filter when it is unconfined", options: { seccomp: "unconfined" }, stdout: "changed\n" },
  ])("$name", async ({ options, stdout }) => {
    expect((await lab.run(script, { seccomp: denyChmod, ...options })).stdout).toBe(stdout);
  });

  test("with an AppArmor profile is refused where AppArmor is not, unconfined is none", async () => {
    await expect(lab.run(["true"], { apparmor: "docker-default" })).rejects.toMatchObject({ code: "UNSUPPORTED" });
    expect((await lab.run(["true"], { apparmor: "unconfined" })).exit.exitCode).toBe(0);
  });
});
