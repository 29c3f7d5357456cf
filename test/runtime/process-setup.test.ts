/** What a program finds when it starts: its namespaces, files, mounts, devices, streams. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DEFAULT_MOUNTS } from "../../runtime/defaults.ts";
import { openedForAll } from "../support/opened.ts";
import { namespaceOf, openLab, type Overrides } from "./lab.ts";

const lab = openedForAll(openLab);

describe("a program sees its container only", () => {
  const cases: readonly { readonly name: string; readonly script: string; readonly stdout: string; readonly overrides?: Overrides }[] = [
    { name: "it is pid 1", script: "echo $$", stdout: "1\n" },
    { name: "its own processes are all there are", script: "cd /proc; echo [0-9]*", stdout: "1\n" },
    { name: "the hostname is the spec's", script: "hostname", stdout: "box\n" },
    {
      name: "the environment is the spec's and nothing else",
      script: "tr '\\0' , < /proc/1/environ",
      stdout: "PATH=/bin,A=b c,",
      overrides: { process: { env: ["PATH=/bin", "A=b c"] } },
    },
    { name: "the working folder is the spec's", script: "pwd", stdout: "/tmp\n", overrides: { process: { cwd: "/tmp" } } },
    { name: "a working folder that is missing is made", script: "pwd", stdout: "/srv/a/b\n", overrides: { process: { cwd: "/srv/a/b" } } },
    { name: "the loopback is up", script: "cat /proc/net/dev | grep -c lo:; cat /sys/class/net/lo/operstate", stdout: "1\nunknown\n" },
    { name: "no descriptor beyond the three is open", script: "exec probe descriptors", stdout: "0 1 2 \n" },
    { name: "stdin is the container's own /dev/null", script: "[ /proc/self/fd/0 -ef /dev/null ] && stat -L -c '%t:%T' /proc/self/fd/0", stdout: "1:3\n" },
    {
      name: "/dev holds the harmless devices",
      script: "cd /dev; echo *",
      stdout: "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero\n",
    },
    { name: "a device can be used", script: "head -c 3 /dev/zero | wc -c", stdout: "3\n" },
    { name: "stdout can be opened by its name", script: "echo said > /dev/stdout", stdout: "said\n" },
    { name: "masked folders are empty and files unreadable", script: "ls /sys/firmware; cat /proc/keys /proc/interrupts", stdout: "" },
    { name: "/proc/sys is read-only", script: "echo x > /proc/sys/kernel/hostname || echo refused", stdout: "refused\n" },
    { name: "/sys is read-only", script: "touch /sys/x || echo refused", stdout: "refused\n" },
    {
      name: "/sys/fs/cgroup shows the container's own group, read-only",
      script: "cat /sys/fs/cgroup/pids/cgroup.procs | head -1; touch /sys/fs/cgroup/x || echo refused",
      stdout: "1\nrefused\n",
    },
    { name: "its cgroup is the root of its cgroup namespace", script: "grep pids: /proc/self/cgroup | cut -d: -f3", stdout: "/\n" },
    {
      name: "a read-only root refuses writes",
      script: "touch /x || echo refused",
      stdout: "refused\n",
      overrides: { spec: { root: { path: "rootfs", readonly: true } } },
    },
    { name: "the umask is 022", script: "umask", stdout: "0022\n" },
    {
      name: "a network sysctl is set in its own namespace",
      script: "cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
      stdout: "7\n",
      overrides: { linux: { sysctl: { "net.ipv4.ip_unprivileged_port_start": "7" } } },
    },
  ];
  test.each(cases)("$name", async ({ script, stdout, overrides }) => {
    expect((await lab.shell(script, overrides)).stdout).toBe(stdout);
  });

  test("every namespace is its own", async () => {
    const { state } = await lab.processes.run({ ...lab.request(["sleep", "600"]), stdio: { kind: "monitor", stdin: false } });
    for (const type of ["pid", "mnt", "uts", "ipc", "net", "cgroup"]) expect(namespaceOf(state.pid, type)).not.toBe(namespaceOf("self", type));
    expect(namespaceOf(state.pid, "user")).toBe(namespaceOf("self", "user"));
    await lab.processes.remove(state.id);
  });

  test("a namespace that another has is joined by its path", async () => {
    const first = await lab.processes.run({ ...lab.request(["sleep", "600"]), stdio: { kind: "monitor", stdin: false } });
    const namespaces = [
      { type: "mount" },
      { type: "uts" },
      { type: "cgroup" },
      { type: "ipc", path: `/proc/${first.state.pid}/ns/ipc` },
      { type: "network", path: `/proc/${first.state.pid}/ns/net` },
      { type: "pid", path: `/proc/${first.state.pid}/ns/pid` },
    ] as const;
    const second = await lab.processes.run({ ...lab.request(["sleep", "600"], { linux: { namespaces } }), stdio: { kind: "monitor", stdin: false } });
    for (const type of ["pid", "ipc", "net"]) expect(namespaceOf(second.state.pid, type)).toBe(namespaceOf(first.state.pid, type));
    expect(namespaceOf(second.state.pid, "mnt")).not.toBe(namespaceOf(first.state.pid, "mnt"));
    await lab.processes.remove(second.state.id);
    await lab.processes.remove(first.state.id);
  });
});

describe("mounts", () => {
  const withMount = (destination: string, more: { readonly type?: string; readonly source?: string; readonly options?: readonly string[] }): Overrides => ({
    spec: { mounts: [...DEFAULT_MOUNTS, { destination, ...more }] },
  });

  test("a bound folder is the host's, and writes reach it", async () => {
    const source = join(lab.folder, "bound");
    mkdirSync(source, { recursive: true });
    await lab.shell("echo in > /data/file", withMount("/data", { type: "bind", source, options: ["rbind"] }));
    expect(readFileSync(join(source, "file"), "utf8")).toBe("in\n");
  });

  test("a bound file gets its mount point made", async () => {
    const source = join(lab.folder, "single");
    writeFileSync(source, "text");
    expect((await lab.shell("cat /etc/deep/er/file", withMount("/etc/deep/er/file", { type: "bind", source, options: ["bind", "ro"] }))).stdout).toBe("text");
  });

  test("a read-only bind refuses writes, recursively when asked", async () => {
    const source = join(lab.folder, "frozen");
    mkdirSync(source, { recursive: true });
    for (const options of [
      ["bind", "ro"],
      ["rbind", "rro"],
    ])
      expect((await lab.shell("touch /data/x || echo refused", withMount("/data", { type: "bind", source, options }))).stdout).toBe("refused\n");
  });

  test("a tmpfs has its size and mode", async () => {
    const { stdout } = await lab.shell(
      "stat -c %a /cache; head -c 2000000 /dev/zero > /cache/x || echo full",
      withMount("/cache", { type: "tmpfs", source: "tmpfs", options: ["size=1m", "mode=1750"] }),
    );
    expect(stdout).toBe("1750\nfull\n");
  });

  test("an overlay over many layers shows the topmost file, and long paths do not matter", async () => {
    const long = join(lab.folder, "l".repeat(200));
    const lowers = Array.from({ length: 60 }, (_, index) => join(long, `layer-${index}`));
    for (const [index, folder] of lowers.entries()) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "who"), `${index}`);
      writeFileSync(join(folder, `only-${index}`), "");
    }
    const { stdout } = await lab.shell("cat /who; ls / | grep -c only-", { lowers: [...lowers, lab.rootfs] });
    expect(stdout).toBe("060\n");
  });

  test("nothing of it is mounted on the host", async () => {
    await lab.shell("mount > /dev/null");
    expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(lab.folder);
  });
});
