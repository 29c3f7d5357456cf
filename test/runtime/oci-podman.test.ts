/** strata-runtime under podman: containers of every kind that its flags can ask for. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { removeGroupsBelow } from "../support/cgroups.ts";
import { podmanContainer, podmanStore } from "../support/podman.ts";
import { execute, openOciLab, type OciLab, type Outcome, runtime } from "./oci-lab.ts";

let oci: OciLab;
let parent: string;
beforeAll(async () => {
  oci = await openOciLab();
  parent = oci.lab.id();
  chmodSync(join(oci.lab.folder, ".."), 0o711); // mapped users must get to their root
});
afterAll(async () => {
  await podman("rm", "-f", "-t", "0", "-a");
  await podman("system", "reset", "-f");
  await removeGroupsBelow(parent);
  await oci[Symbol.asyncDispose]();
}, 180_000);

async function podman(...args: readonly string[]): Promise<Outcome> {
  return await execute("podman", ["--runtime", runtime, ...podmanStore(oci.lab.folder), "--hooks-dir", join(oci.lab.folder, "hooks"), ...args]);
}

const container = (...flags: readonly string[]): readonly string[] => podmanContainer(oci.lab.rootfs, parent, flags);
const sh = (script: string, ...flags: readonly string[]): readonly string[] => ["run", "--rm", ...container(...flags), "sh", "-c", script];

describe("podman run", () => {
  test("names, users, limits, sysctls, devices, mounts", async () => {
    const script =
      "hostname; id -u; id -G; umask; cat /proc/sys/kernel/shmmax /proc/self/oom_score_adj; stat -c %t:%T /dev/mine; ls /bound/probe; stat -c %a /scratch";
    const flags = ["--hostname", "box", "-u", "12:13", "--group-add", "20", "--umask", "0027", "--sysctl", "kernel.shmmax=12345", "--oom-score-adj", "77"];
    const mounts = ["--device", "/dev/zero:/dev/mine", "-v", `${oci.lab.rootfs}/bin:/bound:ro`, "--tmpfs", "/scratch:mode=0711"];
    expect(await podman(...sh(script, ...flags, ...mounts))).toMatchObject({
      status: 0,
      stdout: "box\n12\n13 20\n0027\n12345\n77\n1:5\n/bound/probe\n711\n",
    });
  });

  test("another range of users, all privileges, a filter of one's own", async () => {
    const mapped = await podman(...sh("cat /proc/self/uid_map | tr -s ' '; id -u", "--uidmap", "0:300000:1000", "--gidmap", "0:300000:1000"));
    expect(mapped).toMatchObject({ stderr: "", stdout: expect.stringMatching(/^ ?0 300000 1000\n0\n$/) });
    const all = await podman(...sh("grep Seccomp: /proc/self/status | tr -d '\\t'; mount -t tmpfs none /tmp && echo mounted", "--privileged"));
    expect(all.stdout).toBe("Seccomp:0\nmounted\n");
    const filter = join(oci.lab.folder, "filter.json");
    writeFileSync(
      filter,
      JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 112 }] }),
    );
    expect((await podman(...sh("mkdir /x 2>&1", "--security-opt", `seccomp=${filter}`))).stdout).toContain("Host is down");
  });

  test("a terminal, an exit code, a program that is not there, one that may not be run", async () => {
    expect((await podman(...sh("tty", "-t"))).stdout).toBe("/dev/pts/0\r\n");
    expect((await podman(...sh("exit 9"))).status).toBe(9);
    expect(await podman("run", "--rm", ...container(), "nowhere")).toMatchObject({
      status: 127,
      stderr: expect.stringContaining("executable file not found in $PATH"),
    });
    expect(await podman("run", "--rm", ...container(), "/etc/passwd")).toMatchObject({ status: 126, stderr: expect.stringContaining("permission denied") });
  });

  test("hooks of its own folder", async () => {
    const told = join(oci.lab.folder, "told");
    mkdirSync(join(oci.lab.folder, "hooks"), { recursive: true });
    const hook = {
      version: "1.0.0",
      hook: { path: "/bin/sh", args: ["sh", "-c", `cat > ${told}`] },
      when: { always: true },
      stages: ["createRuntime", "poststop"],
    };
    writeFileSync(join(oci.lab.folder, "hooks", "tell.json"), JSON.stringify(hook));
    expect((await podman(...sh("true"))).status).toBe(0);
    await expect.poll(async () => (await execute("cat", [told])).stdout).toMatch(/"status":"stopped"/);
  });
});

test("a container in the background is entered, measured, limited, listed, stopped and removed", async () => {
  const name = `${parent}-whole`;
  const script = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done";
  expect(await podman("run", "-d", "--name", name, ...container("--memory", "64m", "--pids-limit", "50"), "sh", "-c", script)).toMatchObject({ status: 0 });
  await expect.poll(async () => (await podman("logs", name)).stdout).toBe("up\n");
  expect(await podman("exec", "-e", "A=b", "-w", "/tmp", name, "sh", "-c", "echo $A; pwd; exit 4")).toMatchObject({ status: 4, stdout: "b\n/tmp\n" });
  expect((await podman("exec", "-t", name, "tty")).stdout).toBe("/dev/pts/0\r\n");
  expect((await podman("top", name, "args")).stdout).toMatch(/trap/);
  expect((await podman("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", name)).stdout).toMatch(/\/ 67\.11MB [1-9]/);
  expect(await podman("update", "--memory", "128m", name)).toMatchObject({ status: 0 });
  expect((await podman("exec", name, "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes")).stdout).toBe("134217728\n");
  expect(await podman("stop", "-t", "20", name)).toMatchObject({ status: 0 });
  expect((await podman("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name)).stdout).toBe("exited 3\n");
  expect(await podman("start", name)).toMatchObject({ status: 0 });
  expect(await podman("kill", name)).toMatchObject({ status: 0 });
  await expect.poll(async () => (await podman("inspect", "-f", "{{.State.ExitCode}}", name)).stdout, { timeout: 60_000 }).toBe("137\n");
  expect(await podman("rm", name)).toMatchObject({ status: 0 });
}, 180_000);
