/** The commands of strata-runtime beyond a container's life: what runc's callers ask for, word for word. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bundle, execute, openOciLab, type OciLab, runtime } from "./oci-lab.ts";

let oci: OciLab;
beforeAll(async () => {
  oci = await openOciLab();
});
afterAll(async () => {
  await oci[Symbol.asyncDispose]();
});

async function started(script = "sleep 600", ...[overrides]: readonly Parameters<OciLab["bundle"]>[1][]): Promise<Bundle> {
  const made = oci.bundle(script, overrides);
  expect(await oci.create(made)).toBe(0);
  expect(await oci.command("start", made.id)).toMatchObject({ status: 0, stderr: "" });
  return made;
}

describe("events", () => {
  test("--stats has the shape that containerd reads", async () => {
    const { id } = await started("sleep 600", { linux: { resources: { memory: { limit: 64 << 20 }, pids: { limit: 30 }, cpu: { quota: 50_000 } } } });
    const { stdout } = await oci.command("events", "--stats", id);
    expect(JSON.parse(stdout)).toMatchObject({
      type: "stats",
      id,
      data: {
        cpu: {
          usage: { total: expect.any(Number), percpu: expect.any(Array), kernel: expect.any(Number), user: expect.any(Number) },
          throttling: { periods: expect.any(Number) },
        },
        memory: {
          usage: { limit: 64 << 20, usage: expect.any(Number), max: expect.any(Number), failcnt: 0 },
          raw: { total_inactive_file: expect.any(Number) },
        },
        pids: { current: expect.any(Number), limit: 30 },
        network_interfaces: [{ name: "lo", rx_bytes: 0, tx_packets: 0 }],
      },
    });
    await oci.command("delete", "-f", id);
  });

  test("a stream measures at its interval, tells of a kill for want of memory, and ends with the container", async () => {
    const script = "until [ -e /go ]; do sleep 0.05; done; probe eat 100; until [ -e /stop ]; do sleep 0.05; done";
    const { id } = await started(script, { linux: { resources: { memory: { limit: 32 << 20, swap: 32 << 20 } } } });
    const events = spawn(runtime, ["--root", oci.lab.runRoot, "events", "--interval", "100ms", id], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    events.stdout.on("data", (data: Buffer) => (text += data.toString()));
    const ended = new Promise((resolve) => events.once("close", resolve));
    await expect.poll(() => text.match(/"type":"stats"/g)?.length ?? 0).toBeGreaterThan(1);
    writeFileSync(join(oci.lab.rootfs, "go"), "");
    await expect.poll(() => text).toContain(`${JSON.stringify({ type: "oom", id })}\n`);
    writeFileSync(join(oci.lab.rootfs, "stop"), "");
    expect(await ended).toBe(0);
    await oci.command("delete", "-f", id);
  });
});

test("list shows what there is, as a table, as JSON, as ids", async () => {
  const { id, folder } = await started();
  const { stdout } = await oci.command("list");
  expect(stdout).toMatch(/^ID +PID +STATUS +BUNDLE +CREATED +OWNER\n/);
  expect(stdout).toMatch(new RegExp(`^${id} +\\d+ +running +${folder} +20\\S+Z +root$`, "m"));
  expect(JSON.parse((await oci.command("list", "-f", "json")).stdout)).toContainEqual(
    expect.objectContaining({ id, status: "running", bundle: folder, ociVersion: "1.2.0" }),
  );
  expect((await oci.command("list", "-q")).stdout.split("\n")).toContain(id);
  await oci.command("delete", "-f", id);
});

test("ps shows the container's lines of ps, with its options", async () => {
  const { id } = await started("sleep 61");
  const table = (await oci.command("ps", id)).stdout.split("\n");
  expect(table[0]).toMatch(/^UID +PID +PPID/);
  expect(table.slice(1).join("\n")).toMatch(/sleep 61/);
  expect((await oci.command("ps", id, "-o", "pid,args")).stdout).toMatch(/^ +PID COMMAND\n *\d+ (?:sh -c )?sleep 61\n/);
  expect(await oci.command("ps", "-f", "yaml", id)).toMatchObject({ status: 2 });
  await oci.command("delete", "-f", id);
});

describe("spec", () => {
  test("writes a config.json that runs, and never over another", async () => {
    const folder = join(oci.lab.folder, "fresh");
    mkdirSync(folder);
    expect(await oci.command("spec", "-b", folder)).toMatchObject({ status: 0, stderr: "" });
    expect(await oci.command("spec", "-b", folder)).toMatchObject({ status: 1, stderr: expect.stringContaining("it exists") });
    const spec = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as { process: { args: string[]; terminal: boolean }; root: { path: string } };
    spec.root.path = oci.lab.rootfs;
    Object.assign(spec.process, { terminal: false, args: ["sh", "-c", "hostname; touch /x"] });
    writeFileSync(join(folder, "config.json"), JSON.stringify(spec));
    expect(await oci.command("run", "-b", folder, oci.lab.id())).toMatchObject({ status: 1, stdout: "strata\n", stderr: expect.stringMatching(/Read-only/) });
  });

  test("--rootless maps the caller", async () => {
    const folder = join(oci.lab.folder, "rootless");
    mkdirSync(folder);
    await oci.command("spec", "--rootless", "-b", folder);
    expect(JSON.parse(readFileSync(join(folder, "config.json"), "utf8"))).toMatchObject({ linux: { uidMappings: [{ containerID: 0, hostID: 0, size: 1 }] } });
  });
});

describe("update", () => {
  test("takes flags and JSON on standard input", async () => {
    const { id } = await started("sleep 600", { linux: { resources: { memory: { limit: 64 << 20 }, cpu: { shares: 100 } } } });
    const seen = async (): Promise<string> =>
      (await oci.command("exec", id, "sh", "-c", "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.shares cpu/cpu.cfs_quota_us pids/pids.max"))
        .stdout;
    const flags = ["--memory", "134217728", "--cpu-share", "200", "--cpu-quota", "40000", "--cpu-period", "80000", "--pids-limit", "44"];
    expect(await oci.command("update", ...flags, id)).toMatchObject({ status: 0, stderr: "" });
    expect(await seen()).toBe("134217728\n200\n40000\n44\n");
    expect(await oci.input(JSON.stringify({ memory: { limit: 33554432 }, cpu: null }), "update", "-r", "-", id)).toMatchObject({ status: 0, stderr: "" });
    expect(await seen()).toBe("33554432\n200\n40000\n44\n");
    expect(await oci.input("{", "update", "-r", "-", id)).toMatchObject({ status: 1, stderr: expect.stringContaining("Cannot read") });
    expect(await oci.command("update", "--memory", "much", id)).toMatchObject({ status: 2 });
    expect(await oci.command("update", "--mem-bw-schema", "x", id)).toMatchObject({ status: 1, stderr: expect.stringContaining("Cannot use --mem-bw-schema") });
    await oci.command("delete", "-f", id);
  });
});

describe("exec", () => {
  test("flags change the container's own program", async () => {
    const { id } = await started();
    const flags = ["-u", "12:13", "-g", "20", "--cwd", "/tmp", "-e", "A=b", "--cap", "sys_time", "--no-new-privs"];
    const { stdout } = await oci.command(
      "exec",
      ...flags,
      id,
      "sh",
      "-c",
      "id -u; id -G; pwd; echo $A; grep -E 'CapBnd|NoNew' /proc/self/status | tr -d '\\t'",
    );
    expect(stdout).toBe("12\n13 20\n/tmp\nb\nCapBnd:00000000aa0425fb\nNoNewPrivs:1\n");
    expect(await oci.command("exec", "--cgroup", "a", id, "true")).toMatchObject({ status: 1, stderr: expect.stringContaining("Cannot use --cgroup") });
    expect(await oci.command("exec", "--apparmor", "mine", id, "true")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("AppArmor is not enabled"),
    });
    await oci.command("delete", "-f", id);
  });
});

describe("descriptors", () => {
  const script = 'exec "$0" "$@" 3<"$FIRST" 4<"$SECOND"';
  const run = async (env: Readonly<Record<string, string>>, ...args: readonly string[]): ReturnType<typeof execute> =>
    await execute("sh", ["-c", script, runtime, "--root", oci.lab.runRoot, ...args], "", {
      ...process.env,
      FIRST: "/etc/hostname",
      SECOND: "/etc/passwd",
      ...env,
    });

  test("--preserve-fds passes so many on, and no other", async () => {
    const { id, folder } = oci.bundle("cat <&3; [ -e /proc/self/fd/4 ] && echo more");
    expect(await run({}, "run", "--preserve-fds", "1", "-b", folder, id)).toMatchObject({ stdout: readFileSync("/etc/hostname", "utf8"), status: 1 });
  });

  test("those of a service manager come along with their number", async () => {
    const { id, folder } = oci.bundle("head -1 <&4; echo $LISTEN_FDS $LISTEN_PID");
    const first = readFileSync("/etc/passwd", "utf8").split("\n", 1)[0];
    expect(await run({ LISTEN_FDS: "2" }, "run", "-b", folder, id)).toMatchObject({ stdout: `${first}\n2 1\n` });
  });

  test.each([3, 70])("one that is not open is refused, whatever node has opened there: %d", async (count) => {
    const { id, folder } = oci.bundle("true");
    expect(await run({}, "run", "--preserve-fds", String(count), "-b", folder, id)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/descriptor 5: it is not open/),
    });
  });
});

test.each(["create", "run -d"])("%s with a terminal that nobody takes is refused, and a socket without a terminal", async (words) => {
  const terminal = oci.bundle("tty", { process: { terminal: true } });
  expect(await oci.command(...words.split(" "), "-b", terminal.folder, terminal.id)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/cannot allocate tty if runc will detach without setting console socket/),
  });
  const plain = oci.bundle("true");
  expect(await oci.command(...words.split(" "), "--console-socket", "/nowhere", "-b", plain.folder, plain.id)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/cannot use console socket if runc will not detach or allocate tty/),
  });
});

test("run --keep leaves the container to be looked at", async () => {
  const { id, folder } = oci.bundle("exit 4");
  expect((await oci.command("run", "--keep", "-b", folder, id)).status).toBe(4);
  expect(JSON.parse((await oci.command("state", id)).stdout)).toMatchObject({ status: "stopped" });
  expect(await oci.command("kill", id)).toMatchObject({ status: 1, stderr: expect.stringContaining("container not running") });
  expect((await oci.command("delete", id)).status).toBe(0);
});

test("--no-new-keyring leaves the caller's", async () => {
  const hasOwn = async (...flags: readonly string[]): Promise<boolean> => {
    const { id, folder } = oci.bundle("cat /proc/keys", { linux: { maskedPaths: [], seccomp: { defaultAction: "SCMP_ACT_ALLOW" } } });
    return (await oci.command("run", ...flags, "-b", folder, id)).stdout.includes(`_ses.${id}`);
  };
  expect(await hasOwn()).toBe(true);
  expect(await hasOwn("--no-new-keyring")).toBe(false);
});

describe("refused by name", () => {
  const rows = [
    { name: "checkpoint", args: ["checkpoint", "--image-path", "/x", "id"], says: /Cannot checkpoint a container: strata-runtime has no checkpoints/ },
    { name: "restore", args: ["restore", "id"], says: /Cannot restore a container/ },
    { name: "systemd's cgroups", args: ["--systemd-cgroup", "list"], says: /Cannot use systemd's cgroups/ },
    { name: "another manager of cgroups", args: ["--cgroup-manager", "systemd", "list"], says: /Cannot use systemd's cgroups/ },
    { name: "--no-pivot", args: ["create", "--no-pivot", "-b", ".", "id"], says: /Cannot use --no-pivot: the root is always changed/ },
  ];
  test.each(rows)("$name", async ({ args, says }) => {
    expect(await oci.command(...args)).toMatchObject({ status: 1, stderr: expect.stringMatching(says) });
  });

  const shapes = [
    { name: "an ociVersion of another kind", edit: { ociVersion: "2.0" }, says: /its ociVersion is "2\.0"/ },
    { name: "no ociVersion", edit: { ociVersion: undefined }, says: /its ociVersion is undefined/ },
    { name: "a list where an object must be", edit: { process: [] }, says: /config\.json: process is \[\], not an object/ },
    { name: "a word where a list must be", edit: { process: { args: "sh", cwd: "/", user: { uid: 0, gid: 0 } } }, says: /process\.args is "sh", not a list/ },
    {
      name: "a word where a number must be",
      edit: { linux: { resources: { cpu: { shares: "many" } } } },
      says: /linux\.resources\.cpu\.shares is "many", not a number/,
    },
  ];
  test.each(shapes)("$name", async ({ edit, says }) => {
    const { id, folder } = oci.bundle("true", {}, (spec) => ({ ...spec, ...edit }));
    expect(await oci.command("run", "-b", folder, id)).toMatchObject({ status: 1, stderr: expect.stringMatching(says) });
    expect(existsSync(join(oci.lab.runRoot, "containers", id))).toBe(false);
  });

  test("properties that no version knows are ignored, and null is absent", async () => {
    const { id, folder } = oci.bundle("echo fine", {}, (spec) => ({
      ...spec,
      newest: { thing: 1 },
      mounts: spec.mounts,
      annotations: null,
      linux: { ...spec.linux, newest: true },
    }));
    expect(await oci.command("run", "-b", folder, id)).toMatchObject({ status: 0, stdout: "fine\n" });
  });
});

test("features tells what the specification wants to know", async () => {
  expect(JSON.parse((await oci.command("features")).stdout)).toMatchObject({
    ociVersionMin: "1.0.0",
    ociVersionMax: "1.2.0",
    hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
    mountOptions: expect.arrayContaining(["rro", "tmpcopyup", "idmap", "nosymfollow", "rbind"]),
    linux: {
      namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
      cgroup: { v1: true, v2: true, systemd: false },
      seccomp: { enabled: true, actions: expect.arrayContaining(["SCMP_ACT_ERRNO"]), operators: expect.arrayContaining(["SCMP_CMP_MASKED_EQ"]) },
      mountExtensions: { idmap: { enabled: true } },
    },
  });
});
