import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { cgroupLayout } from "../../runtime/process/cgroup/layout.ts";
import { openStore } from "../../store/open.ts";
import { ownedName } from "../../store/owner.ts";
import { runStrata, type Outcome } from "../support/cli.ts";
import { eventually } from "../support/cluster.ts";
import { testImage } from "../support/image.ts";
import { strata, temporaryRoot, treeTool } from "../support/root.ts";
import { rootWithImage } from "./root-with-image.ts";

const root = rootWithImage();
let context: string;

beforeEach(() => {
  context = join(root.root, "..", "context");
  rmSync(context, { recursive: true, force: true });
  mkdirSync(context);
  writeFileSync(join(context, "file"), "from the context\n");
});

async function build(dockerfile: string, ...flags: readonly string[]): Promise<Outcome> {
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  return await runStrata(root, ["build", "--progress", "plain", ...flags, context]);
}

/** Lines of output, without numbers and times. */
function output({ stderr }: Outcome): readonly string[] {
  return stderr.split("\n").flatMap((line) => /^#\d+ \d+\.\d+ (.*)$/.exec(line)?.[1] ?? []);
}

async function layersOf(dockerfile: string, ...flags: readonly string[]): Promise<readonly (readonly string[])[]> {
  const { status, stderr } = await build(dockerfile, "-t", "strata-test/built", ...flags);
  expect(stderr).not.toMatch(/ERROR/);
  expect(status).toBe(0);
  const store = await openStore({ root: root.root, treeTool });
  try {
    const { chain } = await store.images.open("strata-test/built");
    const layers: string[][] = [];
    for (let at = chain; at !== undefined; at = (await store.snapshots.get(at))?.parent) {
      layers.unshift((await store.snapshots.entries(at)).map(({ path, type }) => (type === "whiteout" ? `-${path}` : path)));
    }
    return layers.slice(1);
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

/** name, instructions, output */
const runs: readonly (readonly [string, string, readonly string[]])[] = [
  ["shell form", "RUN echo one && sleep 0.5 && echo two >&2", ["one", "two"]],
  ["exec form, found on PATH", 'RUN ["echo", "a  b", "$x"]', ["a  b $x"]],
  ["a heredoc for the shell", "RUN <<EOF\necho one\nx=2\necho $x\nEOF", ["one", "2"]],
  ["a heredoc with its own interpreter", "RUN <<EOF\n#!/bin/cat\nas it is\nEOF", ["#!/bin/cat", "as it is"]],
  ["heredocs beside a command", "RUN cat - /dev/fd/3 <<A 3<<B\none\nA\ntwo\nB", ["one", "two"]],
  ["a chomped heredoc", "RUN <<-EOF\n\techo a\n\tEOF", ["a"]],
  ["SHELL", 'SHELL ["/bin/sh", "-xc"]\nRUN :', ["+ :"]],
  ["ARG and ENV", "ARG a=1 b=2\nENV b=3\nRUN echo $a $b", ["1 3"]],
  ["the working folder", "WORKDIR /x/y\nRUN /bin/sh -c 'echo $PWD'", ["/x/y"]],
  ["USER by name, with its groups and home", "USER alice\nRUN id -u && id -G && echo $HOME", ["1000", "1000 50", "/home/alice"]],
  ["USER with a group has only that", "USER alice:root\nRUN id -u && id -G", ["1000", "0"]],
  ["USER by number", "USER 1234\nRUN id -u && id -g", ["1234", "0"]],
  ["hosts and resolver of the build, not the image's", "RUN cat /etc/hosts | head -n 1", ["127.0.0.1\tlocalhost buildkitsandbox"]],
  ["no network", "RUN --network=none ls /sys/class/net", ["lo"]],
  ["a file of the context", "RUN --mount=target=/c,source=file cat /c", ["from the context"]],
  ["the whole context, read only", "RUN --mount=target=/ctx (echo x > /ctx/file) 2>/dev/null || cat /ctx/file", ["from the context"]],
  [
    "the context writable, and what is written is gone",
    "RUN --mount=target=/ctx,rw echo x > /ctx/file && cat /ctx/file\nRUN --mount=target=/ctx cat /ctx/file",
    ["x", "from the context"],
  ],
  ["a file of an image", "RUN --mount=from=strata-test/tools,source=/etc/passwd,target=/p head -n 1 /p", ["root:x:0:0:root:/root:/bin/sh"]],
  [
    "a folder of a stage",
    "FROM strata-test/tools AS s\nRUN mkdir /m && echo x > /m/f\nFROM strata-test/tools\nRUN --mount=from=s,source=/m,target=/n cat /n/f",
    ["x"],
  ],
  ["a tmpfs", "RUN --mount=type=tmpfs,target=/t,size=1m echo x > /t/f && ls /t", ["f"]],
  ["program 1 is the command", "RUN echo $$", ["1"]],
];

test.each(runs)("RUN: %s", async (_, instructions, wanted) => {
  const outcome = await build(`FROM strata-test/tools\n${instructions}\n`, "--no-cache");
  expect(outcome.stderr).not.toMatch(/ERROR/);
  expect(output(outcome)).toEqual(wanted);
  expect(outcome.status).toBe(0);
});

test("A layer holds what a RUN changed and nothing else", async () => {
  const layers = await layersOf(
    [
      "FROM strata-test/tools",
      "RUN true",
      "RUN mkdir /made && echo x > /made/f",
      "RUN rm /made/f",
      "RUN --mount=type=cache,target=/var/cache/x --mount=target=/ctx/deep --mount=type=secret,id=s,target=/s touch /var/cache/x/f",
      "RUN echo 1 >> /etc/passwd",
    ].join("\n"),
  );
  expect(layers).toEqual([[], ["made", "made/f"], ["made", "-made/f"], [], ["etc", "etc/passwd"]]);
});

test("A cache mount keeps its content between builds", async () => {
  const text = "FROM strata-test/tools\nRUN --mount=type=cache,target=/c,id=kept echo x >> /c/f && wc -l < /c/f\n";
  expect(output(await build(text, "--no-cache"))).toEqual(["1"]);
  expect(output(await build(text, "--no-cache"))).toEqual(["2"]);
});

test("Secrets are seen by the step that mounts them and are in no layer", async () => {
  writeFileSync(join(context, "secret"), "sesame");
  const text =
    "FROM strata-test/tools\nRUN --mount=type=secret,id=s cat /run/secrets/s && echo\nRUN --mount=type=secret,id=v,env=V,required echo $V\nRUN ls /run /run/secrets 2>/dev/null || echo none\n";
  const outcome = await runStrata(
    root,
    ["build", "--progress=plain", "--secret", `id=s,src=${join(context, "secret")}`, "--secret", "id=v,env=FROM_HERE", "-f", "-", context],
    { input: text, env: { FROM_HERE: "open" } },
  );
  expect(output(outcome)).toEqual(["*****", "open", "none"]); // shown as stars, unless it is very short
  expect(spawnSync("grep", ["-rl", "sesame", root.root, root.runRoot], { encoding: "utf8" }).stdout).toBe("");
}, 180_000);

test("A secret whose file is not there is refused before anything is built", async () => {
  const { status, stderr } = await build("FROM strata-test/tools\nRUN --mount=type=secret,id=s true\n", "--secret", "id=s,src=/nowhere/secret");
  expect(status).toBe(2);
  expect(stderr).toContain("Cannot read secret s: there is no file /nowhere/secret");
});

test("A required secret that was not given is refused", async () => {
  const { status, stderr } = await build("FROM strata-test/tools\nRUN --mount=type=secret,id=s,required true\n");
  expect(status).toBe(1);
  expect(stderr).toMatch(/Cannot mount secret s: it was not given/);
});

test("A failing RUN shows its place, its exit code, and ends with 1", async () => {
  const { status, stderr } = await build("FROM strata-test/tools\nRUN echo before && exit 7\n");
  expect(status).toBe(1);
  expect(stderr).toMatch(/#\d+ \d\.\d+ before/);
  expect(stderr).toMatch(/Dockerfile:2\n-+\n {3}1 \| {5}FROM strata-test\/tools\n {3}2 \| >>> RUN echo before && exit 7\n-+\n/);
  expect(stderr).toMatch(/Cannot run "\/bin\/sh -c echo before && exit 7": exit code: 7/);
});

test("A program that is not there is refused with its place", async () => {
  const { status, stderr } = await build('FROM strata-test/tools\nRUN ["nope"]\n');
  expect(status).toBe(1);
  expect(stderr).toMatch(/Dockerfile:2/);
  expect(stderr).toMatch(/nope/);
});

/** Where steps that run at once see each other. */
const MEETING = "--mount=type=cache,target=/met,id=met";
const metBy = (name: number | string): string => `n=0 && until [ -e /met/${name} ]; do sleep 0.1; n=$((n+1)); [ $n -lt 900 ] || exit 9; done`;

test("Stages that need nothing of each other run at once", async () => {
  const stages = [1, 2, 3, 4]; // so many also on one processor
  const text = [
    ...stages.map((n) => `FROM strata-test/tools AS s${n}\nRUN ${MEETING} touch /met/${n}; ${stages.map(metBy).join(" && ")} && echo ${n} > /n\n`),
    "FROM strata-test/tools\n",
    ...stages.map((n) => `COPY --from=s${n} /n /${n}\n`),
  ].join("");
  expect((await build(text, "--no-cache")).status).toBe(0);
});

test("A failing step ends the others", async () => {
  const { status, stderr } = await build(
    `FROM strata-test/tools AS slow\nRUN ${MEETING} touch /met/slow; sleep 600\nFROM strata-test/tools AS bad\nRUN ${MEETING} ${metBy("slow")}; false\nFROM scratch\nCOPY --from=slow / /\nCOPY --from=bad / /\n`,
  );
  expect(status).toBe(1);
  expect(stderr).toMatch(/CANCELED/);
});

test("RUN is reproducible on two roots", async () => {
  const text = "FROM strata-test/tools\nRUN mkdir -p /a/b && echo x > /a/b/c && chmod 600 /a/b/c && ln -s c /a/b/d\n";
  const ids = await Promise.all(
    [root, temporaryRoot()].map(async (at) => {
      const store = await openStore({ root: at.root, treeTool });
      await testImage(store);
      await store[Symbol.asyncDispose]();
      const { stdout } = await runStrata(at, ["build", "-q", "--no-cache", "-f", "-", context], { input: text });
      if (at !== root) at[Symbol.dispose]();
      return stdout.trim();
    }),
  );
  expect(ids[0]).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(ids[1]).toBe(ids[0]);
});

/** signal, exit status */
const endings: readonly (readonly [NodeJS.Signals, number | null])[] = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGKILL", null],
];

test.each(endings)(
  "After %s at any moment nothing half-made is left, and the next build works",
  async (signal, wanted) => {
    const text = "FROM strata-test/tools\nCOPY file /f\nRUN echo 1 > /1\nRUN sleep 0.1; echo 2 > /2\nRUN sleep 0.1; echo 3 > /3\n";
    writeFileSync(join(context, "Dockerfile"), text);
    for (const delay of [60, 130, 200, 270, 340, 410]) {
      const child = spawn(process.execPath, [strata, "build", "-q", "--no-cache", context], { env: root.env, stdio: "ignore" });
      const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
      setTimeout(() => child.kill(signal), delay);
      const status = await ended;
      expect([0, null, wanted]).toContain(status); // null: it had not begun to listen
    }
    await eventually(async () => {
      const { status } = await build(text, "-q");
      expect(status).toBe(0);
      expect(readdirSync(join(root.root, "active"))).toEqual([]);
      expect(readdirSync(join(root.root, "ingest"))).toEqual([]);
      expect(readdirSync(join(root.runRoot, "build"))).toEqual([]);
    }); // what was killed is still ending
  },
  180_000,
);

test("Outputs: image id, files of ids and metadata, a folder, a tar", async () => {
  const text = "FROM scratch\nCOPY file /d/\n";
  const out = join(context, "..", "out");
  const outcome = await build(
    text,
    "-q",
    "-t",
    "strata-test/o",
    "--iidfile",
    `${out}.iid`,
    "--metadata-file",
    `${out}.json`,
    "-o",
    "type=image",
    "-o",
    out,
    "-o",
    `type=tar,dest=${out}.tar`,
  );
  expect(outcome.status).toBe(0);
  const id = outcome.stdout.trim();
  expect(readFileSync(`${out}.iid`, "utf8")).toBe(id);
  expect(JSON.parse(readFileSync(`${out}.json`, "utf8"))).toMatchObject({ "containerimage.config.digest": id, "image.name": "docker.io/strata-test/o:latest" });
  expect(readFileSync(join(out, "d/file"), "utf8")).toBe("from the context\n");
  expect(execFileSync("tar", ["-tf", `${out}.tar`], { encoding: "utf8" })).toBe("d/\nd/file\n");
});

test.each(["oci", "docker"])("Output type=%s is an archive that skopeo reads", async (type) => {
  const out = join(context, "..", `${type}.tar`);
  const outcome = await build("FROM scratch\nCOPY file /d/\n", "-q", "-t", "strata-test/archive:v1", "-o", `type=${type},dest=${out}`);
  expect(outcome.stderr).toBe("");
  const inspected = JSON.parse(
    execFileSync("skopeo", ["inspect", "--config", `${type}-archive:${out}:${type === "oci" ? "v1" : "strata-test/archive:v1"}`], { encoding: "utf8" }),
  ) as { readonly history: readonly { readonly created_by: string }[] };
  expect(inspected.history.map(({ created_by }) => created_by)).toEqual(["COPY file /d/ # buildkit"]);
});

test("Two builds of two processes at once agree", async () => {
  const text = "FROM strata-test/tools\nCOPY file /f\nRUN cat /f > /g\n";
  writeFileSync(join(context, "Dockerfile"), text);
  const outcomes = await Promise.all([1, 2, 3].map(async () => await runStrata(root, ["build", "-q", "--no-cache", "-t", "strata-test/same", context])));
  expect(new Set(outcomes.map(({ stdout }) => stdout.trim())).size).toBe(1);
  expect(outcomes.map(({ status }) => status)).toEqual([0, 0, 0]);
});

test("A tar on stdin is a context, with its own Dockerfile and ignore file", async () => {
  writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY . /n/\n");
  writeFileSync(join(context, ".dockerignore"), "Dockerfile\n.dockerignore\n");
  const tar = execFileSync("tar", ["-cz", "-C", context, "."]);
  const out = join(context, "..", "from-tar");
  execFileSync(process.execPath, [strata, "build", "-q", "-o", out, "-"], { env: root.env, input: tar });
  expect(readdirSync(join(out, "n"))).toEqual(["file"]);
});

test("A Dockerfile on stdin has no context", async () => {
  const { status, stderr } = await runStrata(root, ["build", "-"], { input: "FROM scratch\nCOPY a /a\n" });
  expect(status).toBe(1);
  expect(stderr).toMatch(/the Dockerfile came alone/);
});

/** flags, message */
const refusals: readonly (readonly [readonly string[], RegExp])[] = [
  [["--ssh", "x=/nowhere/at/all"], /--ssh/],
  [["--provenance", "mode=most"], /mode=most/],
  [["--network", "bridge"], /--network bridge/],
  [["--build-context", "x=s3://bucket/"], /as a context/],
  [["--output", "type=image,compression=lz4"], /compression/],
  [["--label", "x"], /NAME=VALUE/],
  [["--progress", "fancy"], /--progress fancy/],
];

test.each(refusals)("%j is refused by name with exit 2", async (flags, message) => {
  const { status, stderr } = await build("FROM scratch\n", ...flags);
  expect(stderr).toMatch(message);
  expect(status).toBe(2);
});

test("--check prints what could be better and exits 1, or 0", async () => {
  const bad = await build("FROM scratch\nMAINTAINER me\n", "--check");
  expect(bad.status).toBe(1);
  expect(bad.stdout).toMatch(/WARNING: MaintainerDeprecated/);
  const good = await build("FROM scratch\nLABEL a=b\n", "--check");
  expect([good.status, good.stdout]).toEqual([0, "Check complete, no warnings found.\n"]);
});

test("--explain says why", async () => {
  await build("FROM strata-test/tools\nARG V=1\nRUN echo $V\n");
  const { stderr } = await build("FROM strata-test/tools\nARG V=1\nRUN echo $V\n", "--explain", "--build-arg", "V=2");
  expect(stderr).toMatch(/EXPLAIN miss: V changed from "1" to "2"/);
});

test("A group of a build that was killed goes with the next build", async () => {
  const [first] = cgroupLayout(readFileSync("/proc/self/mountinfo", "utf8"), readFileSync("/proc/self/cgroup", "utf8")).hierarchies;
  const left = join(first?.base ?? "", "strata", `build-${ownedName().replace(/^\d+\.\d+/, "999999.1")}`);
  mkdirSync(left, { recursive: true });
  await build("FROM strata-test/tools\nRUN true\n", "--no-cache");
  expect(existsSync(left)).toBe(false);
});
