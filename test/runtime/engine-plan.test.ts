/** The decisions of the engine, without a container: accounts, limits, capabilities, addresses, rules, restarts, specs. */
import { describe, expect, test } from "vitest";
import { applyChanges } from "../../runtime/engine/changes.ts";
import { grantedCapabilities } from "../../runtime/engine/capabilities.ts";
import { applyOptions, commandLine } from "../../runtime/engine/configuration.ts";
import { deviceNumbers } from "../../runtime/engine/devices.ts";
import { environment, mergeEnvironment } from "../../runtime/engine/environment.ts";
import { hostsText, resolvText } from "../../runtime/engine/identity-files.ts";
import { resources } from "../../runtime/engine/limits.ts";
import { parseLogLine } from "../../runtime/engine/log-lines.ts";
import { parseMoment, parseNanoseconds } from "../../runtime/engine/moment.ts";
import { mountOf, planMounts } from "../../runtime/engine/mount-points.ts";
import { rlimits } from "../../runtime/engine/rlimits.ts";
import { afterExit } from "../../runtime/engine/settle.ts";
import { parseSignal } from "../../runtime/engine/signals.ts";
import { relevantAccounts, resolveAccount } from "../../runtime/engine/user.ts";
import { chooseSubnet, formatSubnet, nextOffset, overlaps, parseSubnet, type Subnet } from "../../runtime/network/address.ts";
import { parseRoutes } from "../../runtime/network/kernel.ts";
import { planServiceRange, draftNetwork, reviveNetwork } from "../../runtime/network/plan.ts";
import { collides } from "../../runtime/network/ports.ts";
import { linkName } from "../../runtime/network/record.ts";
import { ruleset } from "../../runtime/network/ruleset.ts";

const PASSWD = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001::/home/alice:/bin/sh\nbroken:x:no:1::/:\n123:x:77:78::/named-by-digits:\n";
const GROUP = "root:x:0:\nalice:x:1001:\nstaff:x:50:root,alice\n";

describe("an account", () => {
  const rows = [
    { name: "is root when nothing is said", user: "", want: { uid: 0, gid: 0, additionalGids: [50], home: "/root" } },
    { name: "is found by name, with its groups", user: "alice", want: { uid: 1000, gid: 1001, additionalGids: [50], home: "/home/alice" } },
    { name: "is found by number", user: "1000", want: { uid: 1000, gid: 1001, home: "/home/alice" } },
    { name: "takes a group of its own and then no others", user: "alice:staff", want: { uid: 1000, gid: 50, additionalGids: [] } },
    { name: "may be a number that nobody has", user: "42", want: { uid: 42, gid: 0, home: "/" } },
    { name: "prefers a name that looks like a number", user: "123", want: { uid: 77, gid: 78 } },
    { name: "takes numbers for both", user: "7:8", want: { uid: 7, gid: 8 } },
  ];
  test.each(rows)("$name", ({ user, want }) => expect(resolveAccount(user, PASSWD, GROUP)).toMatchObject(want));
  test.each(rows)("$name: the same of those lines alone that bear on it", ({ user }) => {
    const { passwd, group } = relevantAccounts(user, PASSWD.split("\n"), GROUP.split("\n"), ["staff"]);
    expect(resolveAccount(user, passwd, group, ["staff"])).toEqual(resolveAccount(user, PASSWD, GROUP, ["staff"]));
    expect(`${passwd}${group}`.length).toBeLessThan(`${PASSWD}${GROUP}`.length);
  });
  test.each(["nobody-such", "alice:no-group", "4294967295", "-1", "broken"])("refuses %j", (user) => {
    expect(() => resolveAccount(user, PASSWD, GROUP)).toThrow(expect.objectContaining({ code: "USER_UNKNOWN" }) as Error);
  });
});

describe("limits", () => {
  const rows = [
    { name: "cpus are a quota of a tenth of a second", limits: { cpus: 0.5 }, want: { cpu: { quota: 50_000, period: 100_000 } } },
    { name: "memory brings swap of the same size again", limits: { memory: 64 << 20 }, want: { memory: { limit: 64 << 20, swap: 128 << 20 } } },
    { name: "swap may be without limit", limits: { memory: 64 << 20, memorySwap: -1 }, want: { memory: { limit: 64 << 20, swap: -1 } } },
    { name: "no pids limit is -1 in the spec and 0 on the command line", limits: { pidsLimit: 0 }, want: { pids: { limit: -1 } } },
    { name: "nothing asked is nothing set", limits: {}, want: {} },
    {
      name: "rates and weights are those of a device's number",
      limits: { blkioWeight: 300, deviceReadBps: [{ path: "/dev/a", rate: 5 }], blkioWeightDevice: [{ path: "/dev/b", rate: 200 }] },
      want: {
        blockIO: { weight: 300, throttleReadBpsDevice: [{ major: 8, minor: 1, rate: 5 }], weightDevice: [{ major: 8, minor: 2, weight: 200 }] },
      },
    },
  ];
  const numberOf = (path: string) => ({ major: 8, minor: path === "/dev/a" ? 1 : 2 });
  test.each(rows)("$name", ({ limits, want }) => expect(resources(limits, numberOf)).toEqual(want));
  test.each([
    { name: "more cpus than there are", limits: { cpus: 100_000 } },
    { name: "cpus and a quota", limits: { cpus: 1, cpuQuota: 1000 } },
    { name: "less memory than a process needs", limits: { memory: 1024 } },
    { name: "swap below memory", limits: { memory: 64 << 20, memorySwap: 32 << 20 } },
    { name: "swap without memory", limits: { memorySwap: 32 << 20 } },
    { name: "a block weight below ten", limits: { blkioWeight: 9 } },
    { name: "a device's weight above a thousand", limits: { blkioWeightDevice: [{ path: "/dev/a", rate: 1001 }] } },
  ])("refuse $name", ({ limits }) => expect(() => resources(limits, numberOf)).toThrow(expect.objectContaining({ code: "SPEC_INVALID" }) as Error));
  test("of the process are clamped to what this one has", () => {
    const own =
      "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 4096                 files     \nMax stack size            8388608              unlimited            bytes     \n";
    const wanted = [
      { name: "nofile", soft: 512, hard: 100_000 },
      { name: "stack", soft: -1, hard: -1 },
    ];
    expect(rlimits(wanted, own)).toEqual([
      { type: "RLIMIT_NOFILE", soft: 512, hard: 4096 },
      { type: "RLIMIT_STACK", soft: -1, hard: -1 },
    ]);
  });
});

describe("capabilities", () => {
  const all = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN", "CAP_SYS_ADMIN"];
  const defaults = ["CAP_CHOWN", "CAP_KILL"];
  const rows = [
    { name: "are the defaults", add: [], drop: [], want: defaults },
    { name: "are added with and without prefix", add: ["net_admin", "CAP_SYS_ADMIN"], drop: [], want: [...defaults, "CAP_NET_ADMIN", "CAP_SYS_ADMIN"] },
    { name: "are dropped", add: [], drop: ["KILL"], want: ["CAP_CHOWN"] },
    { name: "all dropped, one kept", add: ["KILL"], drop: ["ALL"], want: ["CAP_KILL"] },
    { name: "all but one", add: ["ALL"], drop: ["SYS_ADMIN"], want: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN"] },
  ];
  test.each(rows)("$name", ({ add, drop, want }) => expect(grantedCapabilities(all, defaults, { add, drop, privileged: false })).toEqual(want));
  test("that are none are refused", () => {
    expect(() => grantedCapabilities(all, defaults, { add: ["FLY"], drop: [], privileged: false })).toThrow(/FLY/);
  });
});

describe("the environment", () => {
  test("has a path, the host's name and a home, and what comes later wins in place", () => {
    expect(environment({ image: ["A=1", "PATH=/bin"], flags: ["A=2"], hostname: "box", home: "/h", tty: true })).toEqual([
      "PATH=/bin",
      "HOSTNAME=box",
      "TERM=xterm",
      "A=2",
      "HOME=/h",
    ]);
  });
  test("loses a variable that is named without value", () => expect(mergeEnvironment(["A=1", "B=2"], ["A"])).toEqual(["B=2"]));
});

describe("the command line", () => {
  const image = { Entrypoint: ["/entry"], Cmd: ["serve"] };
  const network = { kind: "none" } as const;
  const rows = [
    { name: "is entrypoint and command of the image", flags: {}, want: ["/entry", "serve"] },
    { name: "has its arguments replaced", flags: { command: ["other"] }, want: ["/entry", "other"] },
    { name: "drops the image's command with a new entrypoint", flags: { entrypoint: ["/mine"] }, want: ["/mine"] },
    { name: "may have no entrypoint at all", flags: { entrypoint: [""], command: ["sh"] }, want: ["sh"] },
  ];
  test.each(rows)("$name", ({ flags, want }) => expect(commandLine(applyOptions(image, { network, ...flags }))).toEqual(want));
  test("is refused when it is empty", () => expect(() => commandLine({})).toThrow(/names no program/));
});

describe("mounts", () => {
  test("go shallow first, flags before the image's volumes, the last of one target", () => {
    const planned = planMounts(
      [
        { kind: "bind", source: "/a", target: "/x/y/" },
        { kind: "tmpfs", target: "/x" },
        { kind: "bind", source: "/b", target: "/x/y" },
      ],
      ["/x", "/v"],
    );
    expect(planned.map((mount) => `${mount.kind} ${mount.target}`)).toEqual(["tmpfs /x", "volume /v", "bind /x/y"]);
    expect(planned.at(-1)).toMatchObject({ source: "/b" });
  });
  test.each(["relative", "/", "/x/.."])("are refused on %j", (target) => expect(() => planMounts([{ kind: "tmpfs", target }], [])).toThrow(/absolute path/));
  test("hold the paths below them, the deepest first", () => {
    const at = (target: string) => ({ kind: "bind", source: `/host${target}`, target, readOnly: false }) as const;
    expect(mountOf([at("/x"), at("/x/y")], "/x/y/z")).toMatchObject({ point: { target: "/x/y" }, rest: "/z" });
    expect(mountOf([at("/x")], "/xy")).toBeUndefined();
  });
});

describe("after an exit", () => {
  const exit = (exitCode: number, ranSeconds = 0) => ({ exitCode, oomKilled: false, finishedAt: new Date(ranSeconds * 1000).toISOString() });
  const record = (restart: { readonly name: "no" | "always" | "on-failure" | "unless-stopped"; readonly maximumRetryCount?: number }, more = {}) => ({
    options: { network: { kind: "none" } as const, restart },
    restartCount: 0,
    stopRequested: false,
    startedAt: new Date(0).toISOString(),
    ...more,
  });
  const rows = [
    { name: "it rests without a policy", record: record({ name: "no" }), exit: exit(1), want: { kind: "rest" } },
    { name: "always starts it again after 100 ms", record: record({ name: "always" }), exit: exit(0), want: { kind: "restart", count: 1, delayMs: 100 } },
    { name: "the delay doubles", record: record({ name: "always" }, { restartCount: 3 }), exit: exit(0), want: { kind: "restart", count: 4, delayMs: 800 } },
    {
      name: "and ends at a minute",
      record: record({ name: "always" }, { restartCount: 30 }),
      exit: exit(0),
      want: { kind: "restart", count: 31, delayMs: 60_000 },
    },
    {
      name: "a steady run begins anew",
      record: record({ name: "always" }, { restartCount: 5 }),
      exit: exit(0, 60),
      want: { kind: "restart", count: 1, delayMs: 100 },
    },
    { name: "on-failure leaves a success", record: record({ name: "on-failure" }), exit: exit(0), want: { kind: "rest" } },
    {
      name: "on-failure gives up at its count",
      record: record({ name: "on-failure", maximumRetryCount: 2 }, { restartCount: 2 }),
      exit: exit(1),
      want: { kind: "rest" },
    },
    { name: "a stop is a stop", record: record({ name: "always" }, { stopRequested: true }), exit: exit(137), want: { kind: "rest" } },
    {
      name: "--rm removes",
      record: record({ name: "no" }, { options: { network: { kind: "none" }, autoRemove: true } }),
      exit: exit(0),
      want: { kind: "remove" },
    },
  ];
  test.each(rows)("$name", ({ record: given, exit: ended, want }) => expect(afterExit(given, ended)).toEqual(want));
});

/** Routes may be wider than what networks take. */
const present8 = (text: string): Subnet => (text === "10.0.0.0/8" ? { base: 10 * 2 ** 24, prefix: 8 } : parseSubnet(text));

describe("addresses", () => {
  test("subnets are taken where nobody is", () => {
    const taken = ["10.88.0.0/16", "10.89.3.0/24"].map(parseSubnet);
    const free = chooseSubnet(taken);
    expect(free && formatSubnet(free)).toBe("10.90.0.0/16");
    expect(overlaps(parseSubnet("10.0.0.0/16"), parseSubnet("10.0.9.0/24"))).toBe(true);
  });
  const ranges = [
    { name: "take the first that is free", kept: undefined, present: ["10.88.0.0/16", "10.96.0.0/20"], want: "10.96.16.0/20" },
    { name: "stay where they are", kept: "10.97.32.0/20", present: ["10.88.0.0/16", "10.96.0.0/20"], want: "10.97.32.0/20" },
    { name: "move when the machine uses them otherwise", kept: "10.96.0.0/20", present: ["10.96.0.0/16"], want: "10.97.0.0/20" },
    { name: "are not to be had when all is taken", kept: undefined, present: ["10.0.0.0/8"], want: undefined },
  ];
  test.each(ranges)("of services $name", ({ kept, present, want }) => {
    const chosen = planServiceRange(kept === undefined ? undefined : parseSubnet(kept), present.map(present8));
    expect(chosen && formatSubnet(chosen)).toBe(want);
  });
  test("of services are not given to networks", () => {
    const taken = Array.from({ length: 8 }, (_, index) => parseSubnet(`10.${88 + index}.0.0/16`));
    const free = chooseSubnet(taken);
    expect(free && formatSubnet(free)).toBe("10.100.0.0/16");
  });

  test.each(["10.0.0.0/8", "10.0.0.0/30", "10.0.0/16", "300.0.0.0/16", "fd00::/64"])("%j is refused", (text) =>
    expect(() => parseSubnet(text)).toThrow(/subnet/),
  );
  test("go round: an address is not used again at once, none twice, none beyond the last", () => {
    const small = parseSubnet("10.0.0.0/29");
    expect(nextOffset(small, new Set(), 1)).toBe(2);
    expect(nextOffset(small, new Set([3]), 2)).toBe(4);
    expect(nextOffset(small, new Set(), 6)).toBe(2);
    expect(nextOffset(small, new Set([2, 3, 4, 5, 6]), 3)).toBeUndefined();
  });
  test("of the machine are read from its routes", () => {
    const text =
      "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\neth0\t00000000\t0100A8C0\t3\t0\t0\t0\t00000000\neth0\t0002000A\t00000000\t1\t0\t0\t0\t00FFFFFF\nbr0\t0000580A\t00000000\t1\t0\t0\t0\t0000FFFF\n";
    expect(parseRoutes(text).map(formatSubnet)).toEqual(["10.0.2.0/24", "10.88.0.0/16"]);
    expect(parseRoutes(text, "br0").map(formatSubnet)).toEqual(["10.0.2.0/24"]);
  });
  test("names of links fit the kernel's fifteen characters", () => expect(linkName("abcdef", 35, 0xffff).length).toBeLessThanOrEqual(15));
  test("a chosen subnet moves when the machine has taken it, an asked one does not", () => {
    const present = [parseSubnet("10.88.0.0/16")];
    expect(reviveNetwork(draftNetwork("abcdef", { name: "bridge" }, [], []), present).subnet).toBe("10.89.0.0/16");
    expect(() => reviveNetwork(draftNetwork("abcdef", { name: "n", subnet: "10.88.0.0/24" }, [], []), present)).toThrow(/uses 10.88.0.0\/24 already/);
  });
});

describe("rules", () => {
  test("are taken away with the last bridge", () => expect(ruleset("abcdef", [], [])).toBe("table ip strata_abcdef\ndelete table ip strata_abcdef\n"));
  test("are only added where there are none", () => {
    const network = draftNetwork("abcdef", { name: "bridge", subnet6: "fd00:88::/64" }, [], []);
    const text = ruleset("abcdef", [network], [network], "create");
    expect(text).toMatch(/^create table ip strata_abcdef\ntable ip strata_abcdef \{/);
    expect(text).toContain("create table ip6 strata_abcdef\ntable ip6 strata_abcdef {");
    expect(text).not.toContain("delete");
  });
  test("translate ports of any and of one address", () => {
    const network = draftNetwork("abcdef", { name: "bridge" }, [], []);
    const ports = [
      { hostPort: 8080, containerPort: 80, protocol: "tcp" },
      { hostIP: "127.0.0.1", hostPort: 53, containerPort: 5353, protocol: "udp" },
    ] as const;
    const live = [{ ...network, endpoints: { a: { owner: "a", offset: 2, address: "10.88.0.2", mac: "", device: "eth0", names: [], ports } } }];
    const text = ruleset("abcdef", live, live);
    expect(text).toContain("map tcp_any { type inet_service : ipv4_addr . inet_service; elements = { 8080 : 10.88.0.2 . 80 } }");
    expect(text).toContain("elements = { 127.0.0.1 . 53 : 10.88.0.2 . 5353 }");
  });
  test("collide on one port and protocol where the addresses meet", () => {
    const port = { hostPort: 80, containerPort: 1, protocol: "tcp" } as const;
    expect(collides(port, { ...port, hostIP: "127.0.0.1" })).toBe(true);
    expect(collides({ ...port, hostIP: "10.0.0.1" }, { ...port, hostIP: "127.0.0.1" })).toBe(false);
    expect(collides(port, { ...port, protocol: "udp" })).toBe(false);
  });
});

describe("small files", () => {
  test("hosts has loopback, extra lines, itself and its further addresses", () => {
    const text = hostsText({
      address: "10.88.0.2",
      gateway: "10.88.0.1",
      names: ["box"],
      extra: ["gw:host-gateway"],
      more: ["10.89.0.3"],
    });
    expect(text.split("\n").slice(-5)).toEqual(["ff02::2\tip6-allrouters", "10.88.0.1\tgw", "10.88.0.2\tbox", "10.89.0.3\tbox", ""]);
  });
  test("resolv.conf leaves the host's loopback servers out unless the network is shared", () => {
    const host = "nameserver 127.0.0.53\nnameserver 192.0.2.9\nsearch example.org\n";
    expect(resolvText(host, {}, false)).toBe("nameserver 192.0.2.9\nsearch example.org\n");
    expect(resolvText(host, {}, true)).toContain("127.0.0.53");
    expect(resolvText(host, { servers: ["192.0.2.1"], search: ["."], options: ["ndots:1"] }, false)).toBe("nameserver 192.0.2.1\noptions ndots:1\n");
  });
});

describe("logs", () => {
  test("are read in both formats, broken lines left out", () => {
    expect(parseLogLine('{"log":"a\\n","stream":"stderr","time":"T"}', "json")).toEqual({ stream: "stderr", time: "T", text: Buffer.from("a\n") });
    expect(parseLogLine('{"log":"a', "json")).toBeUndefined();
    expect(parseLogLine("T stdout F some text", "cri")).toEqual({ stream: "stdout", time: "T", text: Buffer.from("some text\n") });
    expect(parseLogLine("T stdout P part", "cri")?.text.toString()).toBe("part");
  });
  test.each([
    { text: "90", want: 90_000 },
    { text: "1m30s", want: 910_000 },
    { text: "1970-01-01T00:00:01Z", want: 1000 },
    { text: "soon", want: undefined },
  ])("a moment: $text", ({ text, want }) => expect(parseMoment(text, 1_000_000)).toBe(want));

  test.each([
    { text: "1.000000002", want: 1_000_000_002n },
    { text: "1970-01-01T00:00:01.000000002Z", want: 1_000_000_002n },
    { text: "1970-01-01T01:00:01.5+01:00", want: 1_500_000_000n },
    { text: "1970-01-01T01Z", want: 3_600_000_000_000n },
    { text: "1970-01-02T00:01Z", want: 86_460_000_000_000n },
    { text: "1970-01-02Z", want: 86_400_000_000_000n },
    { text: "1.5s", want: 998_500_000_000n },
    { text: "-1m", want: 1_060_000_000_000n },
    { text: "250us5ns", want: 999_999_749_995n },
    { text: "1970-01-02", want: BigInt(new Date(1970, 0, 2).getTime()) * 1_000_000n }, // this machine's midnight
    { text: "1970-01-02T10:30", want: BigInt(new Date(1970, 0, 2, 10, 30).getTime()) * 1_000_000n },
    { text: "", want: undefined },
    { text: "10 m", want: undefined },
    { text: "m", want: undefined },
    { text: "1970-13-01", want: undefined },
  ])("a moment as exact as it is written: $text", ({ text, want }) => expect(parseNanoseconds(text, 1_000_000)).toBe(want));
});

describe("changes", () => {
  const rows = [
    { line: "CMD echo hi", want: { Cmd: ["/bin/sh", "-c", "echo hi"] } },
    { line: 'entrypoint ["a", "b"]', want: { Entrypoint: ["a", "b"] } },
    { line: "ENV A=1 B='two words'", want: { Env: ["A=1", "B=two words"] } },
    { line: "ENV OLD some text", want: { Env: ["OLD=some text"] } },
    { line: 'LABEL "a b"="c d"', want: { Labels: { "a b": "c d" } } },
    { line: "EXPOSE 80 53/udp", want: { ExposedPorts: { "80/tcp": {}, "53/udp": {} } } },
    { line: 'VOLUME ["/a", "/b"]', want: { Volumes: { "/a": {}, "/b": {} } } },
    { line: "HEALTHCHECK --interval=5s --retries=2 CMD true", want: { Healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 5e9, Retries: 2 } } },
    { line: "WORKDIR /w", want: { WorkingDir: "/w" } },
  ];
  test.each(rows)("$line", ({ line, want }) => expect(applyChanges({}, [line])).toMatchObject(want));
  test("that change files are refused", () => expect(() => applyChanges({}, ["COPY a b"])).toThrow(/is none of/));
});

test.each([
  { text: "TERM", want: 15 },
  { text: "SIGKILL", want: 9 },
  { text: "10", want: 10 },
  { text: "SIGRTMIN+3", want: 37 },
])("signal $text is $want", ({ text, want }) => expect(parseSignal(text)).toBe(want));
test.each(["", "NOPE", "0", "65"])("signal %j is refused", (text) => expect(() => parseSignal(text)).toThrow(/signal/));
test("device numbers are taken apart", () => expect(deviceNumbers(0x0103)).toEqual({ major: 1, minor: 3 }));
