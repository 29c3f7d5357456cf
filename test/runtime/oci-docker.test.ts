/** strata-runtime under docker's own engine: each row does with it what it does with runc. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Dockerd, startDockerd } from "../support/dockerd.ts";
import { type Lab, openLab } from "./lab.ts";
import { runtime } from "./oci-lab.ts";

let lab: Lab;
let engine: Dockerd;
beforeAll(async () => {
  lab = await openLab();
  const etc = join(lab.folder, "etc-docker");
  mkdirSync(etc);
  writeFileSync(join(etc, "daemon.json"), JSON.stringify({ runtimes: { strata: { path: runtime } } }));
  engine = await startDockerd({ etc });
  const archive = join(lab.folder, "tools.tar");
  execFileSync("tar", ["-C", lab.rootfs, "-cf", archive, "."]);
  await engine.docker("import", "--change", "ENV PATH=/bin", archive, "tools");
  writeFileSync(
    join(lab.folder, "seccomp.json"),
    JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 112 }] }),
  );
}, 300_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
}, 180_000);

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function docker(...args: readonly string[]): Promise<Outcome> {
  try {
    return { status: 0, stdout: await engine.docker(...args), stderr: "" };
  } catch (error) {
    const { code, stdout, stderr } = error as { readonly code: number; readonly stdout: string; readonly stderr: string };
    return { status: code, stdout: stdout.trim(), stderr };
  }
}

const container = (kind: string, ...rest: readonly string[]): readonly string[] => ["run", "--runtime", kind, "--network", "none", ...rest];
const sh = (script: string, ...flags: readonly string[]): readonly string[] => ["--rm", ...flags, "tools", "sh", "-c", script];
const status = (names: string): string => `grep -E '${names}' /proc/self/status | tr -d '\\t'`;

describe("docker run does the same with both", () => {
  const rows: readonly (readonly [name: string, args: readonly string[]])[] = [
    ["output and exit code", sh("echo out; echo err >&2; exit 7")],
    ["a program that is not there is 127", ["--rm", "tools", "nowhere"]],
    ["a program that may not be run is 126", ["--rm", "tools", "/etc/passwd"]],
    ["a terminal", sh("tty; [ -c /dev/console ] && echo console", "-t")],
    [
      "another user, folder and variables, an init, no new privileges, no filter",
      sh(
        `id -u; id -G; pwd; echo $A; ${status("NoNewPrivs|Seccomp:")}; tr '\\0' ' ' < /proc/1/cmdline`,
        "-u",
        "12:13",
        "--group-add",
        "20",
        "-w",
        "/made",
        "-e",
        "A=b",
        "--init",
        "--security-opt",
        "no-new-privileges",
        "--security-opt",
        "seccomp=unconfined",
      ),
    ],
    [
      "names, limits, sysctls, devices, capabilities, a read-only root with volumes",
      sh(
        [
          "hostname; cat /proc/sys/kernel/domainname; ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj",
          "cat /proc/sys/kernel/shmmax /proc/sys/net/ipv4/ip_forward; stat -c '%t:%T %a' /dev/mine; head -c 3 /dev/mine | wc -c",
          "grep ' /dev/shm ' /proc/mounts | grep -o 'size=[0-9]*k'",
          status("^Cap"),
          "touch /x; echo a > /data/b && cat /data/b; touch /scratch/c && stat -c %a /scratch",
        ].join("; "),
        "--hostname",
        "box",
        "--domainname",
        "dom",
        "--ulimit",
        "nofile=100:200",
        "--oom-score-adj",
        "77",
        "--shm-size",
        "2m",
        "--sysctl",
        "kernel.shmmax=12345",
        "--sysctl",
        "net.ipv4.ip_forward=1",
        "--device",
        "/dev/zero:/dev/mine:r",
        "--cap-drop",
        "ALL",
        "--cap-add",
        "NET_ADMIN",
        "--read-only",
        "--tmpfs",
        "/scratch:mode=700",
        "-v",
        "/data",
      ),
    ],
  ];
  test.each(rows)("%s", async (_, args) => {
    const [ours, theirs] = await Promise.all([docker(...container("strata", ...args)), docker(...container("runc", ...args))]);
    expect({ ...ours, stderr: ours.stderr === "" }).toEqual({ ...theirs, stderr: theirs.stderr === "" });
  });

  test("and what this machine's runc cannot: all privileges; a filter of one's own", async () => {
    const all = sh(`${status("^CapEff|Seccomp:")}; mount -t tmpfs none /tmp && echo mounted`, "--privileged");
    expect((await docker(...container("strata", ...all))).stdout).toMatch(/^CapEff:0000003f\S+\nSeccomp:0\nmounted$/);
    const filtered = sh("mkdir /x 2>&1", "--security-opt", `seccomp=${join(lab.folder, "seccomp.json")}`);
    expect(await docker(...container("strata", ...filtered))).toMatchObject({ status: 1, stdout: expect.stringContaining("Host is down") });
  });

  test("docker shows why a container was not made", async () => {
    expect(await docker(...container("strata", "--rm", "tools", "nowhere"))).toMatchObject({
      stderr: expect.stringContaining('Cannot run "nowhere": executable file not found in $PATH'),
    });
  });
});

describe("a container in the background", () => {
  const script = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done";
  const start = async (name: string, ...flags: readonly string[]): Promise<void> => {
    expect(await docker(...container("strata", "-d", "--name", name, ...flags, "tools", "sh", "-c", script))).toMatchObject({ status: 0 });
    await expect.poll(async () => (await docker("logs", name)).stdout, { timeout: 60_000 }).toBe("up");
  };

  test("is entered, measured, limited, paused, stopped, started again and removed", async () => {
    await start("whole", "-m", "64m", "--cpus", "0.5", "--pids-limit", "50");
    expect(await docker("exec", "whole", "sh", "-c", "echo in; exit 4")).toMatchObject({ status: 4, stdout: "in" });
    expect((await docker("exec", "-t", "whole", "tty")).stdout).toBe("/dev/pts/0");
    expect((await docker("exec", "-u", "12:13", "-w", "/tmp", "-e", "A=b", "whole", "sh", "-c", "id -u; pwd; echo $A")).stdout).toBe("12\n/tmp\nb");
    expect((await docker("exec", "--privileged", "whole", "sh", "-c", status("CapEff"))).stdout).toMatch(/CapEff:0000003f/);
    expect(await docker("exec", "whole", "nowhere")).toMatchObject({
      status: expect.toBeOneOf([126, 127]),
      stdout: expect.stringContaining("executable file not found in $PATH"),
    });
    expect((await docker("top", "whole")).stdout).toMatch(/sh -c trap/);
    const stats = async (): Promise<string> => (await docker("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", "whole")).stdout;
    await expect.poll(stats, { timeout: 60_000 }).toMatch(/^[\d.]+[KM]iB \/ 64MiB [1-9]/); // its first measurement may be none yet
    expect(await docker("update", "-m", "128m", "--memory-swap", "256m", "--cpus", "1", "--pids-limit", "60", "whole")).toMatchObject({ status: 0 });
    expect(await docker("update", "--pids-limit", "60", "whole")).toMatchObject({ status: 0 }); // memory and processor time come as 0 then
    const files = "memory/memory.limit_in_bytes pids/pids.max";
    expect((await docker("exec", "whole", "sh", "-c", `cd /sys/fs/cgroup; cat ${files}`)).stdout).toBe("134217728\n60");
    expect(await docker("pause", "whole")).toMatchObject({ status: 0 });
    expect((await docker("inspect", "-f", "{{.State.Status}}", "whole")).stdout).toBe("paused");
    expect(await docker("unpause", "whole")).toMatchObject({ status: 0 });
    expect(await docker("stop", "-t", "20", "whole")).toMatchObject({ status: 0 });
    expect((await docker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "whole")).stdout).toBe("exited 3");
    await expect.poll(async () => (await docker("logs", "whole")).stdout).toBe("up\nbye");
    expect(await docker("start", "whole")).toMatchObject({ status: 0 });
    expect(await docker("kill", "whole")).toMatchObject({ status: 0 });
    await expect.poll(async () => (await docker("inspect", "-f", "{{.State.ExitCode}}", "whole")).stdout).toBe("137");
    expect(await docker("rm", "whole")).toMatchObject({ status: 0 });
  }, 180_000);

  test("without limits is in groups of its own all the same, and is measured there alone", async () => {
    await start("free");
    const id = (await docker("inspect", "-f", "{{.Id}}", "free")).stdout;
    const groups = (await docker("exec", "free", "cat", "/proc/1/cgroup")).stdout.split("\n");
    expect(groups.length).toBeGreaterThan(5);
    const outside = groups.filter((line) => /^\d+:\w+(,\w+)*:/.test(line) && !line.endsWith(`/${id}`));
    expect(outside).toEqual([]);
    const stats = async (): Promise<string> => (await docker("stats", "--no-stream", "--format", "{{.BlockIO}}", "free")).stdout;
    await expect.poll(stats, { timeout: 60_000 }).toMatch(/^(0B|--) \/ (0B|--)$/);
    expect(await docker("rm", "-f", "free")).toMatchObject({ status: 0 });
  }, 180_000);

  test("shares its namespaces with another", async () => {
    await start("host-of-others", "--ipc", "shareable", "--hostname", "theirs");
    const joined = ["--network", "container:host-of-others", "--pid", "container:host-of-others", "--ipc", "container:host-of-others"];
    const { stdout } = await docker("run", "--rm", "--runtime", "strata", ...joined, "tools", "sh", "-c", "tr '\\0' ' ' < /proc/1/cmdline | cut -c 1-10");
    expect(stdout).toBe("sh -c trap");
    expect(await docker("rm", "-f", "host-of-others")).toMatchObject({ status: 0 });
  }, 180_000);

  test("is told healthy, and why it was killed for want of memory", async () => {
    await start("watched", "--health-cmd", "true", "--health-interval", "1s");
    await expect.poll(async () => (await docker("inspect", "-f", "{{.State.Health.Status}}", "watched")).stdout, { timeout: 60_000 }).toBe("healthy");
    await docker("rm", "-f", "watched");
    // The engine begins to watch only after the start.
    const eat = "until [ -e /go ]; do sleep 0.1; done; probe eat 100; until [ -e /again ]; do sleep 0.1; done; exec probe eat 100";
    await docker(...container("strata", "-d", "--name", "eater", "-m", "16m", "--memory-swap", "16m", "tools", "sh", "-c", eat));
    await docker("exec", "eater", "touch", "/go");
    const told = ["events", "--since", "1h", "--until", "0s", "--filter", "container=eater", "--filter", "event=oom"]; // the end may overtake the word of the last kill
    await expect.poll(async () => (await docker(...told)).stdout).toContain("oom");
    await docker("exec", "eater", "touch", "/again");
    await expect
      .poll(async () => (await docker("inspect", "-f", "{{.State.OOMKilled}} {{.State.ExitCode}}", "eater")).stdout, { timeout: 60_000 })
      .toBe("true 137");
    await docker("rm", "eater");
  }, 180_000);
});
