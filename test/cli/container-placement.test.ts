/** Docker's rarer flags of run, with the real command: namespaces of the host, groups, devices, exposed ports, streams, keys, logs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parseNetworks } from "../../cli/containers/network-flag.ts";
import { parseDeviceRule, parseExposed } from "../../cli/containers/placement-flags.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { strata } from "../support/root.ts";
import { eventually } from "../support/cluster.ts";
import { openTerminal } from "../support/terminal.ts";

vi.setConfig({ testTimeout: 180_000 });

/** A device that anybody may open, and that no container may use unless told. */
const tun = /^ *(\d+) (?:tun|fuse)$/m.exec(readFileSync("/proc/misc", "utf8"))?.[1];

let box: Box;
beforeAll(async () => {
  box = await openBox("sh ls cat sleep hostname mknod head readlink echo node true");
});
afterAll(async () => {
  await box[Symbol.asyncDispose]();
});

describe("namespaces and names", () => {
  test("--uts host has the machine's name, --domainname and --hostname their own", async () => {
    expect(await box.shell(["--uts", "host"], "hostname")).toBe(hostname());
    const script = "hostname; cat /proc/sys/kernel/domainname; cat /etc/hosts";
    const named = await box.strata("run", "--rm", "--hostname", "web", "--domainname", "example.test", BOX_IMAGE, "sh", "-c", script);
    expect(named).toMatch(/^web\nexample\.test\n/);
    expect(named).toMatch(/\tweb\.example\.test web$/m);
  });

  test("--cgroupns host shows where the group is, and --cgroup-parent puts it below another", async () => {
    expect(await box.shell(["--cgroupns", "private"], "cat /proc/self/cgroup")).toMatch(/:pids:\/$|^0::\/$/m);
    const id = await box.strata("run", "-d", "--network", "none", "--cgroupns", "host", "--cgroup-parent", "teams/blue", BOX_IMAGE, "sleep", "600");
    expect(await box.strata("exec", id, "cat", "/proc/self/cgroup")).toContain(`/strata/teams/blue/${id}`);
    expect(await box.strata("inspect", "-f", "{{.HostConfig.CgroupParent}} {{.HostConfig.CgroupnsMode}}", id)).toBe("teams/blue host");
    await box.strata("rm", "-f", id);
  });

  test.runIf(tun !== undefined)("--device-cgroup-rule allows a device by number", async () => {
    const read = `mknod /tun c 10 ${tun} && head -c 0 /tun && echo opened`;
    expect((await box.attempt("run", "--rm", "--network", "none", BOX_IMAGE, "sh", "-c", read)).stderr).toMatch(/Operation not permitted/);
    expect(await box.shell(["--device-cgroup-rule", `c 10:${tun} r`], read)).toBe("opened");
    expect(await box.shell(["--device-cgroup-rule", "c 10:* rw"], read)).toBe("opened");
  });

  test("--memory-swappiness and --oom-kill-disable reach the group, where it has them", async () => {
    const id = await box.strata("run", "-d", "--network", "none", "-m", "64m", "--memory-swappiness", "7", "--oom-kill-disable", BOX_IMAGE, "sleep", "600");
    expect(await box.strata("inspect", "-f", "{{.HostConfig.MemorySwappiness}} {{.HostConfig.OomKillDisable}}", id)).toBe("7 true");
    const folder = ["/sys/fs/cgroup/memory"].flatMap((base) => findGroup(base, id))[0];
    if (folder !== undefined)
      expect((await box.shell(["-v", `${folder}:/group:ro`], "cat /group/memory.swappiness /group/memory.oom_control")).split("\n").slice(0, 2)).toEqual([
        "7",
        "oom_kill_disable 1",
      ]);
    await box.strata("rm", "-f", id);
    expect((await box.attempt("run", "--memory-swappiness", "101", BOX_IMAGE, "true")).stderr).toMatch(/ranges from 0 to 100/);
  });
});

/** Folders called `id` at most three levels down. */
function findGroup(base: string, id: string, depth = 0): readonly string[] {
  if (!existsSync(base) || depth > 3) return [];
  return readdirSync(base, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => (name === id ? [join(base, name)] : findGroup(join(base, name), id, depth + 1)));
}

test("--expose is told by ps, published by -P, and kept by commit", async () => {
  const id = await box.strata("run", "-d", "--expose", "81", "--expose", "90-91/udp", "-p", "0:8080", BOX_IMAGE, "sleep", "600");
  expect(await box.strata("ps", "--filter", "expose=90/udp", "--format", "{{.Ports}}")).toMatch(/^81\/tcp, 90\/udp, 91\/udp, 0\.0\.0\.0:\d+->8080\/tcp$/);
  expect(await box.strata("ps", "-q", "--filter", "expose=92/udp")).toBe("");
  await box.strata("commit", id, "local/exposed");
  expect(JSON.parse(await box.strata("image", "inspect", "-f", "{{json .Config.ExposedPorts}}", "local/exposed"))).toEqual({
    "81/tcp": {},
    "90/udp": {},
    "91/udp": {},
    "8080/tcp": {},
  });
  await box.strata("rm", "-f", id);
  const all = await box.strata("run", "-d", "-P", "--expose", "81", BOX_IMAGE, "sleep", "600");
  expect(await box.strata("port", all, "81")).toMatch(/^0\.0\.0\.0:\d+$/);
  await box.strata("rm", "-f", all);
  await box.strata("rmi", "local/exposed");
});

describe("streams", () => {
  const both = ["sh", "-c", "echo out; echo err >&2"];

  test("-a chooses what is shown, and alone with stdin prints the id", async () => {
    const { stdout, stderr } = await box.attempt("run", "--rm", "--network", "none", "-a", "stderr", BOX_IMAGE, ...both);
    expect([stdout, stderr]).toEqual(["", "err\n"]);
    expect(await box.strata("run", "--rm", "--network", "none", "-a", "STDOUT", BOX_IMAGE, ...both)).toBe("out");
    expect(await box.strata("run", "--rm", "--network", "none", "-i", "-a", "stdin", BOX_IMAGE, "cat")).toMatch(/^[0-9a-f]{64}$/);
    expect((await box.attempt("run", "-d", "-a", "stdout", BOX_IMAGE, "true")).stderr).toMatch(/conflicting options: -a and -d/);
  });

  test("-it without a terminal is refused before anything is made, as docker does; -i and -t alone are not", async () => {
    expect(await box.attempt("run", "-it", "--name", "typed", BOX_IMAGE, "cat")).toMatchObject({
      status: 1,
      stderr: "strata: the input device is not a TTY\n",
    });
    expect(await box.strata("ps", "-aq", "--filter", "name=typed")).toBe("");
    expect(await box.strata("run", "--rm", "-t", "--network", "none", BOX_IMAGE, "echo", "out")).toBe("out");
  });

  test("--detach-keys leave a terminal, and what only begins like them reaches the program", async () => {
    const flags = "--network none -it --name kept --detach-keys ctrl-a,d";
    using terminal = openTerminal(`${process.execPath} ${strata} run ${flags} ${BOX_IMAGE} cat`, { columns: 80, rows: 12, env: box.root.env });
    await eventually(async () => expect(await box.strata("ps", "-q", "--filter", "name=kept")).not.toBe(""));
    terminal.type("h", "e", "Enter");
    await eventually(async () => await Promise.resolve(expect(terminal.screen()).toMatch(/he\nhe/)));
    terminal.type("C-a", "x", "Enter");
    await eventually(async () => await Promise.resolve(expect(terminal.screen()).toContain("x")));
    terminal.type("C-a", "d");
    await eventually(async () => await Promise.resolve(expect(terminal.screen()).toContain("ended with 0")));
    expect(await box.strata("inspect", "-f", "{{.State.Running}}", "kept")).toBe("true");
    await box.strata("rm", "-f", "kept");
    expect((await box.attempt("run", "--detach-keys", "ctrl-1", BOX_IMAGE, "true")).stderr).toMatch(/unknown key "ctrl-1"/);
  });
});

describe("logs", () => {
  test("--details tells the labels and variables that the log's options name", async () => {
    const options = ["--log-opt", "labels=team", "--log-opt", "env-regex=^TIER", "--log-opt", "tag={{.Name}}"];
    await box.strata(
      "run",
      "--name",
      "telling",
      "--network",
      "none",
      ...options,
      "--label",
      "team=blue sky",
      "-e",
      "TIER_1=web",
      "-e",
      "OTHER=1",
      BOX_IMAGE,
      "echo",
      "hello",
    );
    expect(await box.strata("logs", "--details", "telling")).toBe("TIER_1=web,tag=telling,team=blue%20sky hello");
    expect(await box.strata("logs", "--details", "--timestamps", "telling")).toMatch(/^\S+Z TIER_1=web,tag=telling,team=blue%20sky hello$/);
    await box.strata("rm", "telling");
  });

  test("k8s-file is the CRI format, none keeps nothing", async () => {
    const cri = await box.strata("run", "-d", "--network", "none", "--log-driver", "k8s-file", BOX_IMAGE, "echo", "hello");
    await box.strata("wait", cri);
    expect(await box.strata("logs", cri)).toBe("hello");
    expect(await box.shell(["-v", `${await box.strata("inspect", "-f", "{{.LogPath}}", cri)}:/log:ro`], "cat /log")).toMatch(/^\S+Z stdout F hello$/);
    const none = await box.strata("run", "-d", "--network", "none", "--log-driver", "none", BOX_IMAGE, "echo", "hello");
    await box.strata("wait", none);
    expect((await box.attempt("logs", none)).stderr).toMatch(/made with --log-driver none/);
    expect(await box.strata("inspect", "-f", "{{.HostConfig.LogConfig.Type}}", cri, none)).toBe("k8s-file\nnone");
    await box.strata("rm", cri, none);
  });

  test("local is kept, read and told as docker's; drivers that send logs elsewhere are refused by name", async () => {
    const id = await box.strata("run", "-d", "--network", "none", "--log-driver", "local", "--log-opt", "max-file=2", BOX_IMAGE, "echo", "hello");
    await box.strata("wait", id);
    expect(await box.strata("logs", id)).toBe("hello");
    expect(JSON.parse(await box.strata("inspect", "-f", "{{json .HostConfig.LogConfig}}", id))).toMatchObject({ Type: "local", Config: { "max-file": "2" } });
    await box.strata("rm", id);
    for (const verb of ["run", "create"])
      expect(await box.attempt(verb, "--log-driver", "journald", BOX_IMAGE, "true")).toMatchObject({
        status: 125,
        stdout: "",
        stderr: expect.stringMatching(/^strata: Cannot log to journald: /),
      });
  });
});

test("ps --size and inspect --size tell what was written and what is shared", async () => {
  const id = await box.strata("run", "-d", "--network", "none", BOX_IMAGE, "sh", "-c", "head -c 1000000 /dev/zero > /file; sleep 120");
  await eventually(async () => expect(Number(await box.strata("inspect", "--size", "-f", "{{.SizeRw}}", id))).toBeGreaterThanOrEqual(1_000_000));
  expect(await box.strata("ps", "--size", "--filter", `id=${id}`, "--format", "{{.Size}}")).toMatch(/^1(?:\.\d+)?MB \(virtual \d+(?:\.\d+)?MB\)$/);
  await box.strata("rm", "-f", id);
});

describe("volumes", () => {
  test("volume create --opt stands for a folder of this machine, which outlives it", async () => {
    const folder = join(box.root.root, "mine");
    expect((await box.attempt("volume", "create", "--opt", "type=none", "--opt", "o=bind", "--opt", `device=${folder}`, "mine")).stderr).toMatch(
      /there is no such folder/,
    );
    await box.shell(["-v", `${box.root.root}:/root-of-strata`], "true; echo kept > /root-of-strata/mine-before");
    await box.shell(["-v", `${folder}:/new`], "echo kept > /new/file");
    await box.strata("volume", "create", "--opt", "type=none", "--opt", "o=bind", "--opt", `device=${folder}`, "mine");
    expect(await box.shell(["-v", "mine:/data"], "cat /data/file")).toBe("kept");
    await box.strata("volume", "rm", "mine");
    expect(readdirSync(folder)).toEqual(["file"]);
    expect((await box.attempt("volume", "create", "--opt", "type=nfs", "--opt", "device=:/x", "far")).stderr).toMatch(/only folders of this machine are/);
  });
});

test.each([
  { text: "80", want: ["80/tcp"] },
  { text: "90-92/udp", want: ["90/udp", "91/udp", "92/udp"] },
])("--expose $text", ({ text, want }) => expect(parseExposed(text)).toEqual(want));
test.each(["0", "70000", "9-3", "x", "80/sctp"])("--expose %s is refused", (text) => expect(() => parseExposed(text)).toThrow(/invalid range/));
test.each([
  { text: "c 13:* rwm", want: { type: "c", major: 13, access: "rwm" } },
  { text: "a *:* r", want: { type: "a", access: "r" } },
])("--device-cgroup-rule $text", ({ text, want }) => expect(parseDeviceRule(text)).toEqual(want));
test.each([
  { texts: [], want: { network: { kind: "bridge", name: "bridge" } } },
  { texts: ["cni:pods"], want: { network: { kind: "cni", name: "pods" } } },
  { texts: ["name=a,ip=10.1.2.3,alias=x"], want: { ip: "10.1.2.3", network: { kind: "bridge", name: "a", aliases: ["x"] } } },
  { texts: ["a", "name=b,alias=y"], want: { network: { kind: "bridge", name: "a" }, moreNetworks: [{ network: "b", aliases: ["y"] }] } },
])("--network $texts", ({ texts, want }) => expect(parseNetworks(texts, [])).toEqual(want));
test.each([[["host", "a"]], [["a", "a"]], [["name=a,colour=red"]]])("--network %s is refused", (texts) =>
  expect(() => parseNetworks(texts, [])).toThrow(/conflicting|invalid/),
);
