/** What a program tries to get that it was not given: users, capabilities, system calls, keys, labels. Items are those of the hardening list. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { resolveAccount } from "../../runtime/engine/user.ts";
import { labelWords, lowerLabels, mountLabelOf } from "../../runtime/process/labels.ts";
import { openedForAll } from "../support/opened.ts";
import { helper, projectRoot } from "../support/root.ts";
import { NAMESPACES, openLab, type Overrides } from "./lab.ts";

const lab = openedForAll(openLab);

const unfiltered = { seccomp: { defaultAction: "SCMP_ACT_ALLOW" } };
const maps = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
const mapped: Overrides["linux"] = { namespaces: [...NAMESPACES, "user" as const].map((type) => ({ type })), uidMappings: maps, gidMappings: maps };

describe("item 8: capabilities that execve could bring back, users that are none", () => {
  test("inheritable and ambient sets are empty, also where the caller's are not (CVE-2022-27650)", async () => {
    const { id, spec, layers } = lab.request(["grep", "-E", "^Cap(Inh|Amb)", "/proc/self/status"]);
    const code = `import { openProcesses } from ${JSON.stringify(join(projectRoot, "dist/runtime/open-processes.js"))};
      const processes = await openProcesses(${JSON.stringify({ runRoot: lab.runRoot, helper })});
      let text = "";
      await processes.runOnce(${JSON.stringify({ id, spec, layers })}, { onOutput: (stream, data) => { text += data; } });
      process.stdout.write(text);`;
    const words = ["--inh-caps=+chown,+net_raw", "--ambient-caps=+chown,+net_raw", process.execPath, "--input-type=module", "-e", code];
    const { stdout } = await promisify(execFile)("setpriv", words);
    expect(stdout).toBe("CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n");
  });

  test.each(["-1", "0x0", "1e3", " 0", "4294967295", "4294967296", "18446744073709551616", "root\n", "0:0x0", "0:-1", "nobody:root\u0000"])(
    "%j is no user (CVE-2026-30892)",
    (user) => {
      expect(() => resolveAccount(user, "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:\nempty:x::0::/:\n", "root:x:0:\n")).toThrow(/Cannot run as/);
    },
  );
});

describe("item 9: the order of dropping", () => {
  test("a setuid program of the image gets nothing beyond the bounding set", async () => {
    const { stdout } = await lab.shell("grep CapBnd /proc/self/status | cut -f2; probe ask unshare; probe ask setgroups", {
      process: { user: { uid: 1000, gid: 1000 }, capabilities: { bounding: ["CAP_CHOWN"], effective: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"] } },
      linux: unfiltered,
    });
    expect(stdout).toBe("0000000000000001\nEPERM\nEPERM\n");
  });

  test("groups of the caller are gone, and dropped again they do not come back", async () => {
    const { stdout } = await lab.shell("id -G; probe ask setgroups", { process: { user: { uid: 1000, gid: 1000, additionalGids: [7] } } });
    expect(stdout).toBe("1000 7\nEPERM\n");
  });
});

describe("item 10: system calls", () => {
  test.each(["clone3", "x32-getpid", "unknown"])("%s does not exist", async (name) => {
    expect((await lab.run(["probe", "ask", name])).stdout).toBe("ENOSYS\n");
  });
  test.each(["af-alg", "af-vsock", "io-uring", "keyctl", "clone-newuser", "bpf", "mount"])(
    "%s is refused, with no_new_privs and without, to root",
    async (name) => {
      for (const noNewPrivileges of [false, true]) expect((await lab.run(["probe", "ask", name], { process: { noNewPrivileges } })).stdout).toBe("EPERM\n");
    },
  );
});

describe("item 11: keys, sysctls and limits", () => {
  test("the session keyring is its own; a key of the caller's is not found", async () => {
    const { id, spec, layers } = lab.request(["probe", "keyring", "strata-test-secret"], { linux: unfiltered });
    const code = `import { openProcesses } from ${JSON.stringify(join(projectRoot, "dist/runtime/open-processes.js"))};
      const processes = await openProcesses(${JSON.stringify({ runRoot: lab.runRoot, helper })});
      let text = "";
      await processes.runOnce(${JSON.stringify({ id, spec, layers })}, { onOutput: (stream, data) => { text += data; } });
      process.stdout.write(text);`;
    const probe = join(lab.rootfs, "bin/probe");
    const outside = await promisify(execFile)(probe, ["with-key", "strata-test-secret", probe, "keyring", "strata-test-secret"]);
    expect(outside.stdout).toBe("host ok\n");
    const inside = await promisify(execFile)(probe, ["with-key", "strata-test-secret", process.execPath, "--input-type=module", "-e", code]);
    expect(inside.stdout).toBe(`_ses.${id} ENOKEY\n`);
  });

  test.each(["kernel.core_pattern", "vm.overcommit_memory", "kernel.hostname", "fs.file-max", "net/../../kernel/core_pattern", "net.ipv4/../../kernel.sysrq"])(
    "the sysctl %s is the host's and refused",
    async (name) => {
      await expect(lab.run(["true"], { linux: { sysctl: { [name]: "1" } } })).rejects.toMatchObject({ code: "SPEC_INVALID" });
    },
  );

  test("limits hold in a user namespace too, whose root cannot raise them", async () => {
    const script = "cat /proc/self/oom_score_adj; ulimit -Hn; ulimit -n 300 2>/dev/null || echo refused; echo -900 > /proc/self/oom_score_adj || echo refused";
    const rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }];
    const { stdout } = await lab.shell(script, { process: { oomScoreAdj: 400, rlimits }, linux: mapped ?? {} });
    expect(stdout).toBe("400\n200\nrefused\nrefused\n");
  });
});

describe("item 15: AppArmor and SELinux", () => {
  test.each([
    ["apparmorProfile", "AppArmor"],
    ["selinuxLabel", "SELinux"],
  ])("a spec with %s is refused where %s is absent", async (property, module) => {
    const process = { [property]: "confined_t" };
    expect(() => lowerLabels(process, () => false)).toThrow(`${module} is not enabled on this machine`);
    await expect(lab.run(["true"], { process })).rejects.toMatchObject({ code: "UNSUPPORTED" }); // no kernel of ours has either
  });

  test("where they run, the label is written while /proc is still this machine's", () => {
    expect(lowerLabels({ apparmorProfile: "docker-default", selinuxLabel: "a:b:c" }, () => true)).toEqual([
      ["label", "/proc/self/attr/apparmor/exec", "exec docker-default", 'AppArmor profile "docker-default"'],
      ["label", "/proc/self/attr/exec", "a:b:c", 'SELinux label "a:b:c"'],
    ]);
    expect(lowerLabels({}, () => false)).toEqual([]);
    expect(mountLabelOf("a:b:c", () => true)).toBe("a:b:c");
    expect(["tmpfs", "devpts", "proc", "sysfs", "mqueue"].map((type) => labelWords(type, "a:b:c"))).toEqual([["context=a:b:c"], ["context=a:b:c"], [], [], []]);
  });
});

describe("the passwd that users are looked up in", () => {
  test("is the container's, whatever link stands for it", async () => {
    const outside = join(lab.folder, "passwd-of-the-host");
    writeFileSync(outside, "intruder:x:0:0::/:/bin/sh\n");
    const { openLab: openEngineLab } = await import("./engine-lab.ts");
    await using engineLab = await openEngineLab();
    const { record } = await engineLab.background(["sleep", "600"]);
    const link = ["ln", "-sfn", `../../../../../../../../..${outside}`, "/etc/passwd"];
    expect((await engineLab.engine.exec(record.id, { command: link }).then(async ({ exit }) => await exit)).exitCode).toBe(0);
    await expect(engineLab.engine.exec(record.id, { command: ["true"], user: "intruder" })).rejects.toMatchObject({ code: "USER_UNKNOWN" });
  });
});
