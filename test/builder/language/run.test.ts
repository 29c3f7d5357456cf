/** Rows 3.8–3.18 and 13 of the fact sheet: what a RUN step sees, by running it. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { runStrata, type Outcome } from "../../support/cli.ts";
import { rootWithImage } from "../root-with-image.ts";

const root = rootWithImage({ programs: ["mknod", "grep", "df", "bash"] });
let context: string;

beforeAll(() => {
  context = join(root.root, "..", "context");
  mkdirSync(join(context, "d"), { recursive: true });
  writeFileSync(join(context, "file"), "from the context\n");
  writeFileSync(join(context, "d", "f"), "deep\n");
});

async function build(instructions: string, ...flags: readonly string[]): Promise<Outcome> {
  return await runStrata(root, ["build", "--progress=plain", "--no-cache", ...flags, "-f", "-", context], {
    input: `FROM strata-test/tools\n${instructions}\n`,
  });
}

function output({ stderr }: Outcome): readonly string[] {
  return stderr.split("\n").flatMap((line) => /^#\d+ \d+\.\d+ (.*)$/.exec(line)?.[1] ?? []);
}

/** row, instructions, output, flags */
const rows: readonly (readonly [string, string, readonly string[], (readonly string[])?])[] = [
  ["3.9 a folder of the context, read only", "RUN --mount=type=bind,target=/m ls /m && (touch /m/x || echo no) 2>/dev/null", ["d", "file", "no"]],
  ["3.9 a relative target stands below WORKDIR", "WORKDIR /w\nRUN --mount=target=m/n,src=d cat /w/m/n/f", ["deep"]],
  ["3.9 variables in values", "ARG t=/m s=d\nRUN --mount=destination=$t,source=/$s cat /m/f", ["deep"]],
  ["3.9 quoted as CSV", `RUN --mount='type=bind,"target=/a,b",source=file' cat /a,b`, ["from the context"]],
  [
    "3.9 a file with rw is written to, and as before in the next step",
    "RUN --mount=target=/f,source=file,rw echo x > /f; cat /f\nRUN --mount=target=/f,source=file,readwrite=true cat /f",
    ["x", "from the context"],
  ],
  ["3.9 a folder with ro=false", "RUN --mount=target=/m,ro=false echo x > /m/d/f; cat /m/d/f\nRUN --mount=target=/m cat /m/d/f", ["x", "deep"]],
  [
    "3.9 of a stage by number and of an image",
    "FROM strata-test/tools\nRUN --mount=from=0,source=/etc/group,target=/g --mount=from=strata-test/tools,source=/etc,target=/e cat /g | head -n 1; ls /e",
    ["root:x:0:", "group", "hosts", "passwd"],
  ],
  ["3.10 mode and owner", "RUN --mount=type=cache,target=/c,mode=0750,uid=7,gid=8 stat -c '%a %u:%g' /c", ["750 7:8"]],
  [
    "3.10 of one id, another for each owner",
    "RUN --mount=type=cache,target=/c,id=o touch /c/roots\nUSER 1000\nRUN --mount=type=cache,target=/c,id=o,uid=1000 touch /c/x; ls /c",
    ["x"],
  ],
  ["3.10 read only", "RUN --mount=type=cache,target=/c,readonly (touch /c/x || echo no) 2>/dev/null", ["no"]],
  [
    "3.10 begun with what a stage has, kept from then on, apart from the one that begins empty",
    "RUN mkdir -p /seed && echo 1 > /seed/f && chmod 640 /seed/f\nFROM strata-test/tools\nRUN --mount=type=cache,target=/c,from=0,source=/seed,id=s stat -c %a /c/f; echo 2 >> /c/f\nRUN --mount=type=cache,target=/c,from=0,source=/seed,id=s cat /c/f\nRUN --mount=type=cache,target=/c,id=s ls /c",
    ["640", "1", "2"],
  ],
  [
    "3.10 a folder in the cache",
    "RUN --mount=type=cache,target=/c,id=in mkdir /c/in && echo x > /c/in/f\nRUN --mount=type=cache,target=/s,id=in,source=in cat /s/f",
    ["x"],
  ],
  ["3.10 one id, two targets", "RUN --mount=type=cache,target=/a,id=two echo x > /a/f\nRUN --mount=type=cache,target=/b,id=two cat /b/f", ["x"]],
  ["3.11 a size", "RUN --mount=type=tmpfs,target=/t,size=2m echo $(df -k --output=size /t | tail -n 1)", ["2048"]],
  [
    "3.12 mode and owner of a secret",
    "RUN --mount=type=secret,id=s,target=/x,mode=0440,uid=5,gid=6 stat -c '%a %u:%g' /x",
    ["440 5:6"],
    ["--secret", "id=s,env=SECRET"],
  ],
  [
    "3.12 as a file and as a variable",
    "RUN --mount=type=secret,id=s,target=/x,env=V cat /x; echo; echo $V",
    ["opens", "opens"],
    ["--secret", "id=s,env=SECRET"],
  ],
  [
    "3.12 the old name of id, and the place by default",
    "RUN --mount=type=secret,source=s cat /run/secrets/s; echo; stat -c '%a' /run/secrets/s",
    ["opens", "400"],
    ["--secret", "id=s,env=SECRET"],
  ],
  ["3.12 one that was not given", "RUN --mount=type=secret,id=none ls /run/secrets 2>/dev/null || echo none", ["none"]],
  ["3.16 the network of the step", "RUN --network=none ls /sys/class/net", ["lo"], ["--network", "host"]],
  [
    "3.17 insecure has every capability and no filter",
    "RUN --security=insecure grep Seccomp: /proc/self/status; mkdir -p /m && mount -t tmpfs x /m && echo mounted",
    ["Seccomp:\t0", "mounted"],
    ["--allow", "security.insecure"],
  ],
  [
    "13 the sandbox filters system calls and cannot mount",
    "RUN grep Seccomp: /proc/self/status; mkdir -p /m && (mount -t tmpfs x /m || echo no) 2>/dev/null",
    ["Seccomp:\t2", "no"],
  ],
  [
    "13 fourteen capabilities, none ambient, new privileges possible",
    "RUN grep -E 'Cap(Eff|Amb)|NoNew' /proc/self/status",
    ["CapEff:\t00000000a80425fb", "CapAmb:\t0000000000000000", "NoNewPrivs:\t0"],
  ],
  [
    "13 stdin is empty, the name of the machine is the sandbox's, and no variable tells it",
    "RUN cat; hostname; env | grep -c HOSTNAME || true",
    ["buildkitsandbox", "0"],
  ],
  ["13 HOME is the user's", "RUN echo $HOME\nUSER 1234\nRUN echo $HOME\nENV HOME=/own\nRUN echo $HOME", ["/root", "/", "/own"]],
  ["3.26 a number with an entry has that entry's groups", "USER 1000\nRUN id -u; id -G", ["1000", "1000 50"]],
  ["3.26 with a group only that one, by number or name", "USER 1000:staff\nRUN id -G\nUSER alice:7\nRUN id -G", ["50", "7"]],
  ["13 device nodes can be made", "RUN mknod /n c 1 3 && stat -c %F /n && rm /n", ["character special file"]],
  ["13 /dev/shm as large as wanted", "RUN echo $(df -k --output=size /dev/shm | tail -n 1)", ["8192"], ["--shm-size", "8m"]],
  ["13 names of other machines", "RUN grep other /etc/hosts", ["192.0.2.7\tother"], ["--add-host", "other:192.0.2.7"]],
  ["13 limits", "RUN ulimit -n", ["77"], ["--ulimit", "nofile=77"]],
  ["13 /sys is read only, /proc/sys too", "RUN (echo 1 > /proc/sys/kernel/panic || echo no) 2>/dev/null; (mkdir /sys/x || echo no) 2>/dev/null", ["no", "no"]],
  ["13 program 1 is the command", 'RUN ["bash", "-c", "echo $$"]', ["1"]],
];

const cases = rows.map(([name, instructions, wanted, flags = []]) => ({ name, instructions, wanted, flags }));

test.each(cases)("$name", async ({ instructions, wanted, flags }) => {
  const outcome = await runStrata(root, ["build", "--progress=plain", "--no-cache", ...flags, "-f", "-", context], {
    input: `FROM strata-test/tools\n${instructions}\n`,
    env: { SECRET: "opens" }, // too short to be starred out
  });
  expect(outcome.stderr).not.toMatch(/ERROR/);
  expect(output(outcome)).toEqual(wanted);
});

test("13 nothing that was mounted is in the image: no file, no folder", async () => {
  const out = join(context, "..", "out");
  const mounts =
    "--mount=type=cache,target=/deep/er/c --mount=type=tmpfs,target=/t --mount=type=secret,id=s --mount=target=/b/f,source=file --mount=type=ssh,target=/s/sock";
  const { status } = await build(`RUN ${mounts} ls /deep/er/c /t /b/f > /dev/null\nRUN <<E\n#!/bin/sh\ntrue\nE\nFROM scratch\nCOPY --from=0 / /`, "-o", out);
  expect(status).toBe(0);
  expect(readdirSync(out).filter((name) => !["bin", "etc", "lib", "lib64", "root", "tmp", "usr"].includes(name))).toEqual([]);
  expect(readdirSync(join(out, "etc")).sort()).toEqual(["group", "hosts", "passwd"]);
});

test("3.9 a source that is not there is refused with its place", async () => {
  const { status, stderr } = await build("RUN --mount=target=/x,source=nope true");
  expect([status, /Dockerfile:2\n/.test(stderr), /nope/.test(stderr)]).toEqual([1, true, true]);
});

test("3.10 no link in a cache leads out of it", async () => {
  const { status, stderr } = await build(
    "RUN --mount=type=cache,target=/c,id=link ln -s /etc /c/out\nRUN --mount=type=cache,target=/s,id=link,source=out cat /s/passwd",
  );
  expect(status).toBe(1);
  expect(stderr).toMatch(/Dockerfile:3\n[^]*the path leaves the root/);
});

test("3.17 security.insecure is asked for before anything is built", async () => {
  const { status, stderr } = await build("RUN echo first\nRUN --security=insecure true");
  expect(status).toBe(1);
  expect(stderr).toMatch(/Dockerfile:3\n[^]*RUN --security=insecure: security.insecure is not allowed\nAllow it by --allow security.insecure/);
  expect(stderr).not.toMatch(/first\n#/);
});

test("Memory and cpus of RUN are limited as docker's flags say", async () => {
  const outcome = await build(
    "RUN cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; grep Cpus_allowed_list /proc/self/status",
    "-m",
    "64m",
    "--cpuset-cpus",
    "0",
  );
  expect(output(outcome)).toEqual(["67108864", "Cpus_allowed_list:\t0"]);
});

/** flags, message */
const refusals: readonly (readonly [readonly string[], RegExp])[] = [
  [["--allow", "network.hots"], /expected network.host or security.insecure/],
  [["--cpu-shares", "many"], /expected a whole number/],
  [["--ssh", "x=/nowhere/at/all"], /\/nowhere\/at\/all is not there/],
  [["--ssh", "=x"], /it has no id/],
  [["--cgroup-parent", "x"], /Cannot use --cgroup-parent/],
  [["--isolation", "hyperv"], /Cannot use --isolation/],
  [["--security-opt", "x"], /Cannot use --security-opt/],
  [["--squash", "x"], /Cannot use --squash/],
];

test.each(refusals)("%j is refused by name with exit 2", async (flags, message) => {
  const { status, stderr } = await build("", ...flags);
  expect(stderr).toMatch(message);
  expect(status).toBe(2);
});
