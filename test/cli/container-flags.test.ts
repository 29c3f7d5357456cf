/** Docker's flags as the engine's options, and its tables. */
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { ago, humanDuration } from "../../cli/containers/ages.ts";
import { addContainerFlags, type ContainerFlags, toOptions } from "../../cli/containers/container-flags.ts";
import { detachKeys } from "../../cli/containers/detach-keys.ts";
import { parseLog } from "../../cli/containers/log-flags.ts";
import { parseMountFlag, parseTmpfsFlag, parseVolumeFlag } from "../../cli/containers/mount-flags.ts";
import { parsePortFlag } from "../../cli/containers/port-flags.ts";
import { align } from "../../cli/containers/print-rows.ts";
import { formatBinary, parseBytes } from "../../cli/containers/sizes.ts";
import { userNamespace } from "../../cli/containers/user-namespace-flags.ts";
import { parsePlace } from "../../cli/commands/cp.ts";
import { UsageError } from "../../cli/errors.ts";

describe("ports", () => {
  const tcp = { protocol: "tcp" } as const;
  const rows = [
    { flag: "80", want: [{ ...tcp, hostPort: 0, containerPort: 80 }] },
    { flag: "8080:80", want: [{ ...tcp, hostPort: 8080, containerPort: 80 }] },
    { flag: "127.0.0.1:8080:80/udp", want: [{ protocol: "udp", hostIP: "127.0.0.1", hostPort: 8080, containerPort: 80 }] },
    { flag: "127.0.0.1::80", want: [{ ...tcp, hostIP: "127.0.0.1", hostPort: 0, containerPort: 80 }] },
    {
      flag: "8000-8001:80-81",
      want: [
        { ...tcp, hostPort: 8000, containerPort: 80 },
        { ...tcp, hostPort: 8001, containerPort: 81 },
      ],
    },
  ];
  test.each(rows)("$flag", ({ flag, want }) => expect(parsePortFlag(flag)).toEqual(want));
  test.each(["", "x", "80:90000", "1-3:1-2", "3-1", "80/icmp"])("%j is refused", (flag) => expect(() => parsePortFlag(flag)).toThrow(/invalid port/));
});

describe("logs", () => {
  test("a size and a number of files bound them", () => {
    expect(parseLog(undefined, ["max-size=10m", "max-file=3"])).toEqual({ log: { format: "json", maxSize: 10 << 20, maxFiles: 3 } });
    expect(parseLog("json-file", [])).toEqual({});
    expect(parseLog("local", [])).toEqual({ log: { driver: "local", format: "json", maxSize: 20 << 20, maxFiles: 5 } });
    expect(parseLog("local", ["max-size=1m", "compress=false"])).toEqual({ log: { driver: "local", format: "json", maxSize: 1 << 20, maxFiles: 5 } });
  });
  test.each([
    ["journald", []],
    ["nonesuch", []],
    ["local", ["compress=maybe"]],
    [undefined, ["max-size=0"]],
    [undefined, ["max-size=1m", "max-file=0"]],
    [undefined, ["max-file=2"]],
    [undefined, ["colour=x"]],
  ] as const)("%j %j is refused", (driver, options) => expect(() => parseLog(driver, options)).toThrow(UsageError));
});

describe("user namespaces", () => {
  const map = [[0, 100_000, 65_536]];
  const rows = [
    { name: "none is asked for", flags: {}, want: undefined },
    { name: "the host's", flags: { userns: "host" }, want: "host" },
    { name: "user ids alone map groups too", flags: { uidmap: ["0:100000:65536"] }, want: { uidMap: map, gidMap: map } },
    { name: "both", flags: { uidmap: ["0:1:2"], gidmap: ["0:3:4"] }, want: { uidMap: [[0, 1, 2]], gidMap: [[0, 3, 4]] } },
  ];
  test.each(rows)("$name", ({ flags, want }) => expect(userNamespace({ uidmap: [], gidmap: [], ...flags })).toEqual(want));
  test("auto takes a range that is nobody's", () => {
    const spaces = userNamespace({ userns: "auto", uidmap: [], gidmap: [] });
    expect(spaces).toMatchObject({ uidMap: [[0, expect.any(Number), expect.any(Number)]] });
  });
  test.each([{ uidmap: ["0:1"] }, { uidmap: ["0:1:0"] }, { userns: "container:x" }, { userns: "host", gidmap: ["0:1:2"] }])("%j is refused", (flags) =>
    expect(() => userNamespace({ uidmap: [], gidmap: [], ...flags })).toThrow(UsageError),
  );
});

describe("mounts", () => {
  const rows = [
    { flag: "/data", parse: parseVolumeFlag, want: { kind: "volume", target: "/data" } },
    { flag: "name:/data:ro", parse: parseVolumeFlag, want: { kind: "volume", name: "name", target: "/data", readOnly: true } },
    { flag: "/host:/data", parse: parseVolumeFlag, want: { kind: "bind", source: "/host", target: "/data", readOnly: false, create: true } },
    { flag: "/host:/data:ro,rslave", parse: parseVolumeFlag, want: { kind: "bind", propagation: "rslave", readOnly: true } },
    { flag: "type=bind,src=/a,dst=/b,readonly", parse: parseMountFlag, want: { kind: "bind", source: "/a", target: "/b", readOnly: true } },
    { flag: "source=v,target=/b", parse: parseMountFlag, want: { kind: "volume", name: "v", target: "/b" } },
    {
      flag: "type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=700",
      parse: parseMountFlag,
      want: { kind: "tmpfs", target: "/t", size: 1 << 20, mode: 0o700 },
    },
    { flag: "/t:size=2k,mode=1777", parse: parseTmpfsFlag, want: { kind: "tmpfs", target: "/t", size: 2048, mode: 0o1777 } },
  ];
  test.each(rows)("$flag", ({ flag, parse, want }) => expect(parse(flag)).toMatchObject(want));
  test.each(["a:b:c:d", ":/x", "name:relative", "name:/data:zz", "/host:/data:ro,wr"])("%j is refused", (flag) =>
    expect(() => parseVolumeFlag(flag)).toThrow(/invalid/),
  );
});

describe("options", () => {
  const options = (...args: readonly string[]): ReturnType<typeof toOptions> => {
    const command = addContainerFlags(new Command()).argument("<image>").argument("[words...]").passThroughOptions().exitOverride();
    command.parse([...args], { from: "user" });
    return toOptions(command.opts<ContainerFlags>(), command.args.slice(1), { OWN: "mine" });
  };
  test("carry everything that docker's flags say", () => {
    const made = options(
      ..."--cpus 0.5 -m 128m --pids-limit 9 --net host -e A=1 -e OWN -e NOT_SET --ulimit nofile=1:2 --sysctl net.x=1 --security-opt no-new-privileges --security-opt seccomp=unconfined --restart on-failure:3 -l k=v -u 1:2 -w /w img cmd -e not-ours".split(
        " ",
      ),
    );
    expect(made).toMatchObject({
      limits: { cpus: 0.5, memory: 128 << 20, pidsLimit: 9 },
      network: { kind: "host" },
      env: ["A=1", "OWN=mine"],
      ulimits: [{ name: "nofile", soft: 1, hard: 2 }],
      sysctls: { "net.x": "1" },
      noNewPrivileges: true,
      seccomp: "unconfined",
      restart: { name: "on-failure", maximumRetryCount: 3 },
      labels: { k: "v" },
      user: "1:2",
      cwd: "/w",
      command: ["cmd", "-e", "not-ours"],
    });
  });
  test.each([
    ["--restart", "sometimes"],
    ["--ulimit", "x"],
    ["--pid", "mars"],
    ["--security-opt", "what=ever"],
    ["-m", "much"],
  ])("%s %s is refused", (flag, value) => {
    expect(() => options(flag, value, "img")).toThrow(/invalid/);
  });

  test.each(["nofile=10:5", "nofile=unlimited:5"])("--ulimit %s is refused: it asks for more than it allows", (value) => {
    expect(() => options("--ulimit", value, "img")).toThrow(/^ulimit soft limit must be less than or equal to hard limit: (?:10|unlimited) > 5$/);
  });
});

describe("detach keys", () => {
  const type = (...chunks: readonly string[]): readonly [string, boolean] => {
    const keys = detachKeys();
    const typed = chunks.map((chunk) => keys(Buffer.from(chunk)));
    return [typed.map(({ data }) => Buffer.from(data).toString()).join(""), typed.some(({ detach }) => detach)];
  };
  const rows = [
    { name: "are ctrl-p ctrl-q", chunks: ["ab\u0010\u0011cd"], want: ["ab", true] },
    { name: "may come in two pieces", chunks: ["ab\u0010", "\u0011"], want: ["ab", true] },
    { name: "let a lone ctrl-p through with the next key", chunks: ["\u0010", "x"], want: ["\u0010x", false] },
    { name: "are not ctrl-q alone", chunks: ["\u0011"], want: ["\u0011", false] },
    { name: "take the last of two ctrl-p", chunks: ["\u0010\u0010\u0011"], want: ["\u0010", true] },
  ] as const;
  test.each(rows)("$name", ({ chunks, want }) => expect(type(...chunks)).toEqual(want));
});

describe("words and numbers", () => {
  test.each([
    { text: "128m", want: 128 << 20 },
    { text: "1.5G", want: 1.5 * 2 ** 30 },
    { text: "10kb", want: 10_240 },
    { text: "512", want: 512 },
    { text: "-1", want: -1 },
  ])("$text bytes", ({ text, want }) => expect(parseBytes(text)).toBe(want));
  test.each([
    { ms: 500, want: "Less than a second" },
    { ms: 1000, want: "1 second" },
    { ms: 61_000, want: "About a minute" },
    { ms: 3 * 3600_000, want: "3 hours" },
    { ms: 20 * 86_400_000, want: "2 weeks" },
  ])("$want", ({ ms, want }) => expect(humanDuration(ms)).toBe(want));
  test("ages", () => expect(ago("1970-01-01T00:00:00Z", 5000)).toBe("5 seconds ago"));
  test("sizes", () => expect(formatBinary(1536)).toBe("1.5KiB"));
  test("tables keep three blanks and columns of ten", () =>
    expect(
      align([
        ["A", "LONG"],
        ["wide", "b"],
      ]),
    ).toEqual(["A         LONG", "wide      b"]));
});

test.each([
  { text: "web:/x", want: { kind: "container", name: "web", path: "/x" } },
  { text: "./a:b", want: { kind: "local", path: "./a:b" } },
  { text: "/abs:x", want: { kind: "local", path: "/abs:x" } },
  { text: "-", want: { kind: "local", path: "-" } },
])("cp takes $text for a $want.kind path", ({ text, want }) => expect(parsePlace(text)).toEqual(want));
