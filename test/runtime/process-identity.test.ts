/** Who the program is and what it may do: user, capabilities, seccomp, limits. */
import { cpus } from "node:os";
import { describe, expect, test } from "vitest";
import { defaultSeccomp } from "../../runtime/process/seccomp/default-profile.ts";
import { openedForAll } from "../support/opened.ts";
import { openLab, type Overrides } from "./lab.ts";

const lab = openedForAll(openLab);

const status = (field: string): string => `grep ${field}: /proc/self/status | cut -f2`;
const user = (uid: number, gid: number, additionalGids: readonly number[] = []): Overrides => ({ process: { user: { uid, gid, additionalGids } } });
const NONE = "0000000000000000\n";
const DEFAULTS = "00000000a80425fb\n";

describe("identity", () => {
  const cases: readonly { readonly name: string; readonly script: string; readonly stdout: string; readonly overrides?: Overrides }[] = [
    { name: "root has docker's fourteen capabilities", script: ["CapEff", "CapPrm", "CapBnd"].map(status).join(";"), stdout: DEFAULTS.repeat(3) },
    { name: "inheritable and ambient sets are empty", script: ["CapInh", "CapAmb"].map(status).join(";"), stdout: NONE.repeat(2) },
    {
      name: "another user has the bounding set only",
      script: ["CapEff", "CapPrm", "CapBnd", "CapAmb"].map(status).join(";"),
      stdout: `${NONE.repeat(2)}${DEFAULTS}${NONE}`,
      overrides: user(1000, 1000),
    },
    {
      name: "an ambient capability reaches another user's program",
      script: status("CapEff"),
      stdout: "0000000000000400\n",
      overrides: {
        process: {
          user: { uid: 1000, gid: 1000 },
          capabilities: Object.fromEntries(["bounding", "effective", "permitted", "inheritable", "ambient"].map((set) => [set, ["CAP_NET_BIND_SERVICE"]])),
        },
      },
    },
    {
      name: "user, group and further groups are the spec's",
      script: "id -u; id -g; id -G",
      stdout: "1000\n1001\n1001 7 8\n",
      overrides: user(1000, 1001, [7, 8]),
    },
    { name: "root has no group of the host's", script: "id -G", stdout: "0\n" },
    { name: "another user can open /dev/stdout", script: "echo said > /dev/stdout; echo more > /dev/stderr", stdout: "said\n", overrides: user(1000, 1000) },
    { name: "no_new_privs is set when asked", script: status("NoNewPrivs"), stdout: "1\n", overrides: { process: { noNewPrivileges: true } } },
    { name: "no_new_privs is off by default", script: status("NoNewPrivs"), stdout: "0\n" },
    {
      name: "a filter is loaded with no_new_privs",
      script: status("Seccomp"),
      stdout: "2\n",
      overrides: { process: { noNewPrivileges: true, user: { uid: 1000, gid: 1000 } } },
    },
    { name: "a filter is loaded without no_new_privs", script: status("Seccomp"), stdout: "2\n", overrides: user(1000, 1000) },
    {
      name: "rlimits are the spec's",
      script: "ulimit -n; ulimit -Hn",
      stdout: "100\n200\n",
      overrides: { process: { rlimits: [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }] } },
    },
    {
      name: "a few descriptors are enough to start",
      script: "ulimit -n",
      stdout: "8\n",
      overrides: { process: { rlimits: [{ type: "RLIMIT_NOFILE", soft: 8, hard: 8 }] } },
    },
    { name: "the umask is the spec's", script: "umask", stdout: "0077\n", overrides: { process: { user: { uid: 0, gid: 0, umask: 0o077 } } } },
    { name: "the out-of-memory score is the spec's", script: "cat /proc/self/oom_score_adj", stdout: "500\n", overrides: { process: { oomScoreAdj: 500 } } },
    {
      name: "no signal is blocked or ignored",
      script: ["SigBlk", "SigIgn"].map((field) => `grep ${field}: /proc/1/status | cut -f2`).join(";"),
      stdout: NONE.repeat(2),
    },
    { name: "all processors are usable", script: "nproc", stdout: `${cpus().length}\n` },
  ];
  test.each(cases)("$name", async ({ script, stdout, overrides }) => {
    expect((await lab.shell(script, overrides)).stdout).toBe(stdout);
  });
});

describe("the default seccomp profile", () => {
  const refused = ["keyctl", "clone-newuser", "unshare", "mount", "bpf", "af-alg", "af-vsock", "io-uring", "personality-svr4"];
  test.each(refused)("refuses %s", async (name) => {
    expect((await lab.run(["probe", "ask", name])).stdout).toBe("EPERM\n");
  });
  test.each(["clone3", "x32-getpid", "unknown"])("says that %s does not exist", async (name) => {
    expect((await lab.run(["probe", "ask", name])).stdout).toBe("ENOSYS\n");
  });
  test.each(["af-inet", "af-xdp", "personality-linux32"])("lets %s through", async (name) => {
    expect((await lab.run(["probe", "ask", name])).stdout).not.toBe("EPERM\n");
  });
  test("lets an administrator mount", async () => {
    const capabilities = ["CAP_SYS_ADMIN"];
    const overrides = {
      process: { capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities } },
      linux: { seccomp: defaultSeccomp(capabilities) },
    };
    expect((await lab.run(["probe", "ask", "unshare"], overrides)).stdout).toBe("ok\n");
  });
});

describe("a spec that cannot be met is refused", () => {
  const cases: readonly { readonly name: string; readonly overrides: Overrides; readonly code: string }[] = [
    { name: "no mount namespace", overrides: { linux: { namespaces: [{ type: "pid" }] } }, code: "SPEC_INVALID" },
    { name: "a hostname without a uts namespace", overrides: { linux: { namespaces: [{ type: "mount" }] } }, code: "SPEC_INVALID" },
    { name: "an unknown capability", overrides: { process: { capabilities: { bounding: ["CAP_FLY"] } } }, code: "SPEC_INVALID" },
    { name: "memory that does not count what is below", overrides: { linux: { resources: { memory: { useHierarchy: false } } } }, code: "UNSUPPORTED" },
    { name: "a sysctl of the host", overrides: { linux: { sysctl: { "vm.swappiness": "1" } } }, code: "SPEC_INVALID" },
    { name: "a sysctl that climbs", overrides: { linux: { sysctl: { "net.../vm/swappiness": "1" } } }, code: "SPEC_INVALID" },
    { name: "a cgroups path that climbs", overrides: { linux: { cgroupsPath: "/a/../../b" } }, code: "SPEC_INVALID" },
    { name: "a relative working folder", overrides: { process: { cwd: "tmp" } }, code: "SPEC_INVALID" },
    { name: "an unknown rlimit", overrides: { process: { rlimits: [{ type: "RLIMIT_JOY", soft: 1, hard: 1 }] } }, code: "SPEC_INVALID" },
    { name: "a program that is not there", overrides: { process: { args: ["nowhere"] } }, code: "COMMAND_NOT_FOUND" },
    { name: "a path that is not there", overrides: { process: { args: ["/bin/nowhere"] } }, code: "COMMAND_NOT_FOUND" },
    { name: "a file that is no program", overrides: { process: { args: ["/etc/passwd"] } }, code: "COMMAND_NOT_EXECUTABLE" },
    { name: "a folder as program", overrides: { process: { args: ["/bin"] } }, code: "COMMAND_NOT_EXECUTABLE" },
    { name: "an empty name as program", overrides: { process: { args: [""] } }, code: "COMMAND_NOT_FOUND" },
  ];
  test.each(cases)("$name", async ({ overrides, code }) => {
    await expect(lab.run(["true"], overrides)).rejects.toMatchObject({ code });
  });
  test("create looks for the program already", async () => {
    const request = lab.request(["nowhere"]);
    await expect(lab.processes.create({ ...request, stdio: { kind: "monitor", stdin: false } })).rejects.toMatchObject({
      code: "COMMAND_NOT_FOUND",
      step: "command",
      errno: "ENOENT",
    });
    expect(await lab.processes.state(request.id)).toBeUndefined();
  });
});
