/** Hardening list, item 10: nothing that the runtime itself still has to do is left to a filter that may refuse it. The peer is runc. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openedForAll } from "../support/opened.ts";
import type { Overrides } from "./lab.ts";
import { openOciLab, runtime, type Bundle } from "./oci-lab.ts";

const oci = openedForAll(openOciLab);

/** What launching takes, and the probe that stands for the program does not. */
const SETUP_CALLS = ["close_range", "chdir", "getcwd", "umask", "rt_sigaction", "rt_sigprocmask", "sched_setaffinity", "setsid", "recvfrom", "sendto", "dup2"];
/** Of these only no_new_privs frees the filter: without it, it is loaded before them, by runc too. */
const IDENTITY_CALLS = ["capset", "setresuid", "setresgid", "setuid", "setgid", "setgroups", "prctl", "seccomp"];

function without(names: readonly string[], noNewPrivileges: boolean): Overrides {
  return {
    process: { noNewPrivileges, user: { uid: 5, gid: 5 } },
    linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names, action: "SCMP_ACT_ERRNO", errnoRet: 1 }] } },
  };
}

/** A bundle that either runtime takes: control groups at a path of its own, none mounted. */
function bundleWithout(name: string): Bundle {
  return oci.bundle("true", without([name], true), (spec) => ({
    ...spec,
    ociVersion: "1.0.2",
    mounts: spec.mounts?.filter(({ type }) => type !== "cgroup"),
    linux: { ...spec.linux, resources: undefined, cgroupsPath: `/${oci.lab.id()}` },
  }));
}

function statusBy(tool: string, { id, folder }: Bundle): number | null {
  return spawnSync(tool, ["--root", join(oci.lab.folder, `of-${tool.split("/").at(-1) ?? ""}`), "run", "-b", folder, id], {
    encoding: "utf8",
    timeout: 120_000,
  }).status;
}

const rows = [
  ...SETUP_CALLS.flatMap((name) => [true, false].map((noNewPrivileges) => ({ name, noNewPrivileges }))),
  ...IDENTITY_CALLS.map((name) => ({ name, noNewPrivileges: true })),
];

describe("a profile that withholds what only the launch needs lets the program start", () => {
  test.each(rows)("$name, no_new_privs $noNewPrivileges", async ({ name, noNewPrivileges }) => {
    const { exit, stdout } = await oci.lab.run(["probe", "ask", "bpf"], without([name], noNewPrivileges));
    expect([exit.exitCode, stdout]).toEqual([0, expect.stringMatching(/^E\w+\n$/)]);
  });

  test.each([
    { names: [...SETUP_CALLS, ...IDENTITY_CALLS], noNewPrivileges: true },
    { names: SETUP_CALLS, noNewPrivileges: false },
  ])("also beside a program that runs: all at once, no_new_privs $noNewPrivileges", async ({ names, noNewPrivileges }) => {
    const { processes } = oci.lab;
    const overrides = without(names, noNewPrivileges);
    const { state } = await processes.run({ ...oci.lab.request(["sleep", "600"], overrides), stdio: { kind: "monitor", stdin: false } });
    const { process } = oci.lab.spec(["probe", "ask", "bpf"], overrides);
    if (process === undefined) throw new Error("no process");
    const { exit } = await processes.exec(state.id, process, { stdin: false, detach: true });
    expect((await exit).exitCode).toBe(0);
    await processes.remove(state.id);
  });

  test.each(["close_range", "chdir"])("as runc does: %s", (name) => {
    expect(["runc", runtime].map((tool) => statusBy(tool, bundleWithout(name)))).toEqual([0, 0]);
  });
});
