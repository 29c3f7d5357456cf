import { describe, expect, test } from "vitest";
import type { Check, Machine } from "../../cli/doctor/check.ts";
import { formatChecks } from "../../cli/commands/doctor.ts";
import { checkKernel } from "../../cli/doctor/kernel.ts";
import { checkPlace } from "../../cli/doctor/place.ts";
import { checkPrograms, checkTun } from "../../cli/doctor/programs.ts";
import { checkSubordinateIds } from "../../cli/doctor/subordinate-ids.ts";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot } from "../support/root.ts";

const V1 = ["cpu", "memory", "pids", "cpuset", "freezer"];
const files: Readonly<Record<string, string>> = {
  "/proc/filesystems": "nodev\ttmpfs\nnodev\toverlay\n\text4\n",
  "/proc/self/mountinfo": V1.map((name) => `30 25 0:26 / /sys/fs/cgroup/${name} rw - cgroup cgroup rw,${name}\n`).join(""),
  "/proc/self/cgroup": V1.map((name, index) => `${index + 1}:${name}:/\n`).join(""),
  "/proc/sys/user/max_user_namespaces": "1000\n",
  "/proc/sys/kernel/seccomp/actions_avail": "kill_process allow\n",
};
const unified: Readonly<Record<string, string>> = {
  ...files,
  "/proc/self/mountinfo": "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
  "/proc/self/cgroup": "0::/user.slice\n",
};

function machine(changes: Partial<Machine> & { readonly files?: Readonly<Record<string, string>> } = {}): Machine {
  return {
    isRoot: true,
    user: { id: 1000, name: "ann" },
    find: (program) => `/usr/bin/${program}`,
    read: (path) => (changes.files ?? files)[path],
    list: () => ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"],
    isWritable: () => true,
    rootFolder: { path: "/var/lib/strata", type: 0xef53, free: 2 ** 40 },
    ...changes,
  };
}

function lacks(checks: readonly Check[]): readonly string[] {
  return checks.filter(({ status }) => status === "missing").map(({ name, required }) => `${name}${required ? " (required)" : ""}`);
}

describe("kernel", () => {
  const cases: readonly { name: string; on: Machine; expected: readonly string[] }[] = [
    { name: "a machine with all of cgroup v1", on: machine(), expected: [] },
    {
      name: "cgroup v2 with all controllers",
      on: machine({ files: { ...unified, "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n" } }),
      expected: [],
    },
    {
      name: "cgroup v2 without memory",
      on: machine({ files: { ...unified, "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu pids\n" } }),
      expected: ["cgroup memory (required)"],
    },
    { name: "no cgroups at all", on: machine({ files: { ...files, "/proc/self/mountinfo": "" } }), expected: ["cgroups (required)"] },
    {
      name: "cgroups of somebody else",
      on: machine({ isWritable: () => false }),
      expected: ["cgroup cpu", "cgroup memory", "cgroup pids", "cgroup cpuset", "cgroup freezer"],
    },
    { name: "no overlay", on: machine({ files: { ...files, "/proc/filesystems": "\text4\n" } }), expected: ["overlay (required)"] },
    { name: "no network namespaces", on: machine({ list: () => ["cgroup", "ipc", "mnt", "pid", "uts"] }), expected: ["namespaces (required)"] },
    { name: "no user namespaces, as root", on: machine({ files: { ...files, "/proc/sys/user/max_user_namespaces": "0\n" } }), expected: ["user namespaces"] },
    {
      name: "user namespaces for root only, not as root",
      on: machine({ isRoot: false, files: { ...files, "/proc/sys/kernel/unprivileged_userns_clone": "0\n" } }),
      expected: ["user namespaces (required)"],
    },
  ];
  test.each(cases)("$name", ({ on, expected }) => {
    expect(lacks(checkKernel(on))).toEqual(expected);
  });
});

describe("programs", () => {
  test.each([
    { name: "Debian, as root", managers: ["apt-get"], isRoot: true, expected: "apt-get install --yes nftables" },
    { name: "Fedora, not as root", managers: ["dnf"], isRoot: false, expected: "sudo dnf install --assumeyes nftables" },
    { name: "an unknown system", managers: [], isRoot: true, expected: "install the package that brings nft" },
  ])("nft is mended on $name", ({ managers, isRoot, expected }) => {
    const checks = checkPrograms(machine({ isRoot, find: (program) => (managers.includes(program) ? program : undefined) }));
    expect(checks[0]).toMatchObject({ name: "nft", status: "missing", required: true, mend: expected });
  });
});

test.each([
  { name: "without the module", list: () => [], expected: "sudo modprobe tun" },
  { name: "closed to the user", list: () => ["tun"], isWritable: () => false, expected: "sudo chmod 666 /dev/net/tun" },
])("/dev/net/tun $name", ({ expected, list, isWritable = () => true }) => {
  expect(checkTun(machine({ isRoot: false, list, isWritable }))).toMatchObject({ status: "missing", required: false, mend: expected });
});

test.each([
  { name: "a range by name", text: "bob:1:2\nann:100000:65536\n", lack: false, says: "65536 ids of ann" },
  { name: "a range by number", text: "1000:100000:65536\n", lack: false, says: "65536 ids of ann" },
  { name: "ranges of others only", text: "bob:100000:65536\n", lack: true, says: "gives ann no ids" },
  { name: "no file", text: undefined, lack: true, says: "gives ann no ids" },
  { name: "root, for users' sake", isRoot: true, text: "bob:100000:65536\nann:200000:65536\n", lack: false, says: "ranges of bob, ann" },
  { name: "root, and nobody has any", isRoot: true, text: "# none\n", lack: true, says: "gives no user ids" },
])("ids of containers' users: $name", ({ text, lack, says, isRoot = false }) => {
  const checks = checkSubordinateIds(machine({ isRoot, read: () => text }));
  expect(checks.map(({ name, status }) => [name, status])).toEqual(["/etc/subuid", "/etc/subgid"].map((path) => [path, lack ? "missing" : "ok"]));
  expect(checks[1]?.detail).toContain(says);
  if (lack) expect(checks[1]?.mend).toMatch(/usermod --add-subgids 100000-165535 (?:ann|USER)$/);
});

test.each([
  { name: "overlay on overlay", type: 0x794c7630, free: 2 ** 40, expected: ["root folder (required)"] },
  { name: "a full disk", type: 0xef53, free: 2 ** 20, expected: ["room"] },
])("root folder: $name", ({ type, free, expected }) => {
  expect(lacks(checkPlace(machine({ rootFolder: { path: "/x", type, free } })))).toEqual(expected);
});

test("what to type stands under the table", () => {
  const checks: readonly Check[] = [
    { name: "overlay", status: "ok", required: false, detail: "known" },
    { name: "nft", status: "missing", required: true, detail: "not on PATH", mend: "apt-get install nftables" },
  ];
  expect(formatChecks(checks)).toBe(
    "CHECK     STATUS     DETAIL\noverlay   ok         known\nnft       missing    not on PATH\n\nTo mend:\n  nft: apt-get install nftables\n",
  );
});

describe("strata doctor", () => {
  test("finds this machine fit", async () => {
    using root = temporaryRoot();
    const { status, stdout } = await runStrata(root, ["doctor"]);
    expect(stdout).toMatch(/^CHECK .*\noverlay|^CHECK/);
    expect(status, stdout).toBe(0);
  });
  test("prints JSON, and ends with 1 when something required is missing", async () => {
    using root = temporaryRoot();
    const { status, stdout } = await runStrata(root, ["doctor", "-o", "json"], { env: { PATH: "/nowhere" } });
    const checks = JSON.parse(stdout) as readonly Check[];
    const nft = checks.find(({ name }) => name === "nft");
    expect(nft).toMatchObject(nft?.status === "ok" ? { status: "ok" } : { status: "missing", required: true });
    expect(status).toBe(nft?.status === "ok" ? 0 : 1);
  });
  test("an unknown format is a wrong use", async () => {
    using root = temporaryRoot();
    expect((await runStrata(root, ["doctor", "-o", "xml"])).status).toBe(2);
  });
});
