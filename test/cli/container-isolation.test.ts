/** What a container has of its own, and what of the host it cannot reach, asked of the real `strata run`. */
import { execFileSync } from "node:child_process";
import { chmodSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deviceNumbers } from "../../runtime/engine/devices.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { own } from "../support/owner.ts";
import { temporaryFolder } from "../support/root.ts";

const PROBE = fileURLToPath(new URL("../runtime/probe/probe.c", import.meta.url));
const NAMESPACES = ["pid", "mnt", "uts", "ipc", "net", "cgroup"];

let box: Box;
let probe: string;
beforeAll(async () => {
  probe = join(temporaryFolder(), "probe");
  own(dirname(probe));
  execFileSync("gcc", ["-std=gnu17", "-static", "-o", probe, PROBE]);
  box = await openBox(`sh ls cat sleep ps id hostname date mknod head readlink echo ${probe}`);
});
afterAll(async () => {
  await box[Symbol.asyncDispose]();
  execFileSync("rm", ["-r", dirname(probe)]);
});

describe("a container has its own", () => {
  test("processes: ps shows its program as pid 1 and nothing of the host", async () => {
    const lines = (await box.shell([], "ps -e -o pid,comm; true")).split("\n").map((line) => line.trim());
    expect(lines).toEqual(["PID COMMAND", "1 sh", expect.stringMatching(/^\d+ ps$/)]);
  });

  test("host name, by default the short id", async () => {
    expect(await box.shell(["--hostname", "mine"], "hostname; cat /etc/hostname")).toBe("mine\nmine");
    const id = await box.strata("run", "-d", BOX_IMAGE, "sleep", "600");
    expect(await box.strata("exec", id, "hostname")).toBe(id.slice(0, 12));
    await box.strata("rm", "-f", id);
  });

  test("mounts: an overlay as root, and none of the host's", async () => {
    const mounts = (await box.shell([], "cat /proc/self/mounts")).split("\n").map((line) => line.split(" "));
    expect(mounts[0]?.slice(0, 3)).toEqual(["overlay", "/", "overlay"]);
    expect(mounts.map(([, target]) => target).filter((target) => !/^\/(?:$|proc|dev|sys|etc\/(?:hosts|hostname|resolv\.conf))/.test(target ?? ""))).toEqual([]);
  });

  test("network: loopback alone, or loopback and its end of a link", async () => {
    expect(await box.shell([], "ls /sys/class/net")).toBe("lo");
    expect((await box.strata("run", "--rm", BOX_IMAGE, "ls", "/sys/class/net")).split("\n")).toEqual(["eth0", "lo"]);
  });

  test("users: names from its own files, and with a user namespace root inside is nobody outside", async () => {
    expect(await box.shell(["--user", "65534:65534"], "id -u; id -g")).toBe("65534\n65534");
    chmodSync(dirname(box.root.root), 0o711); // the container's root is another user here, and must pass
    const id = await box.strata("run", "-d", "--network", "none", "--userns", "auto", BOX_IMAGE, "sleep", "600");
    const pid = await box.strata("inspect", "--format", "{{ .State.Pid }}", id);
    expect(await box.strata("exec", id, "id", "-u")).toBe("0");
    expect(statSync(`/proc/${pid}`).uid).toBeGreaterThan(65_535);
    await box.strata("rm", "-f", id);
  });
});

describe("the pid that inspect tells", () => {
  test("has the namespaces that the container has, none of the host's, and exec joins all of them", async () => {
    const id = await box.strata("run", "-d", BOX_IMAGE, "sleep", "600");
    const pid = await box.strata("inspect", "--format", "{{ .State.Pid }}", id);
    expect(pid).toMatch(/^[1-9]\d*$/);
    const seen = await box.strata("exec", id, "sh", "-c", NAMESPACES.map((name) => `readlink /proc/1/ns/${name} /proc/self/ns/${name}`).join(";"));
    const told = NAMESPACES.map((name) => readlinkSync(`/proc/${pid}/ns/${name}`));
    expect(seen.split("\n")).toEqual(told.flatMap((name) => [name, name]));
    for (const name of NAMESPACES) expect(told).not.toContain(readlinkSync(`/proc/self/ns/${name}`));
    await box.strata("rm", "-f", id);
  });
});

describe("a container cannot", () => {
  const refused: readonly { readonly what: string; readonly ask: string }[] = [
    { what: "set the time", ask: "clock-settime" },
    { what: "set the time the old way", ask: "settimeofday" },
    { what: "load a module", ask: "init-module" },
    { what: "load a module from a file", ask: "finit-module" },
    { what: "take a module out", ask: "delete-module" },
  ];
  test.each(refused)("$what: neither by the filter nor, without one, by its capabilities", async ({ ask }) => {
    expect(await box.shell([], `probe ask ${ask}`)).toBe("EPERM");
    expect(await box.shell(["--security-opt", "seccomp=unconfined"], `probe ask ${ask}`)).toMatch(/^(?:EPERM|ENOSYS)$/); // a kernel may have no modules at all
  });

  test("set the time with date", async () => {
    const { stdout } = await box.attempt("run", "--rm", "--network", "none", BOX_IMAGE, "sh", "-c", "date -s 2001-01-01 2>&1");
    expect(stdout).toContain("cannot set date: Operation not permitted");
  });

  test("open a node that it makes of a disk, of the memory or of the kernel's log", async () => {
    const { rdev } = statSync(realpathSync(hostDisk()));
    const { major, minor } = deviceNumbers(rdev);
    const nodes = [`disk b ${major} ${minor}`, "mem c 1 1", "kmsg c 1 11", "port c 1 4"];
    const script = nodes.map((node) => `mknod /${node} && { head -c 1 /${node.split(" ")[0]} 2>&1; }`).join("; ");
    const { stdout } = await box.attempt("run", "--rm", "--network", "none", BOX_IMAGE, "sh", "-c", script);
    expect(stdout.match(/Operation not permitted/g)).toHaveLength(nodes.length);
  });

  test("find a disk in /dev, or write to the host's through /sys and /proc", async () => {
    expect((await box.shell([], "ls /dev")).split("\n")).toEqual("fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split(" "));
    const writes = [
      "/sys/kernel/mm/ksm/run",
      "/proc/sys/kernel/panic",
      "/proc/sysrq-trigger",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes",
      "/sys/fs/cgroup/devices/devices.allow",
    ];
    const { stdout } = await box.attempt("run", "--rm", "--network", "none", BOX_IMAGE, "sh", "-c", writes.map((path) => `(echo 1 > ${path}) 2>&1`).join("; "));
    expect(stdout.match(/Read-only file system|Directory nonexistent|Permission denied/g)).toHaveLength(writes.length);
    expect(await box.shell([], "head -c 1 /proc/kcore; ls /sys/firmware")).toBe("");
  });
});

function hostDisk(): string {
  const [name] = execFileSync("ls", ["/sys/block"], { encoding: "utf8" }).split("\n");
  return `/dev/${name}`;
}
