/** Row 3.13: RUN --mount=type=ssh with a real agent, with keys, and without any. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runStrata, type Outcome } from "../../support/cli.ts";
import { strata } from "../../support/root.ts";
import { rootWithImage } from "../root-with-image.ts";

const root = rootWithImage({ programs: ["ssh-add"] });
let folder: string;
let agent: ChildProcess;

beforeAll(async () => {
  folder = join(root.root, "..");
  mkdirSync(join(folder, "context"));
  for (const name of ["one", "two", "three"]) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", join(folder, name)]);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "locked", "-C", "locked", "-f", join(folder, "locked")]);
  agent = spawn("ssh-agent", ["-D", "-a", join(folder, "agent")], { stdio: "ignore" });
  await vi.waitFor(() => addKey("one"), { timeout: 60_000 });
});
afterAll(async () => {
  const ended = once(agent, "exit");
  agent.kill();
  await ended;
});

function addKey(name: string): void {
  execFileSync("ssh-add", ["-q", join(folder, name)], { env: { ...process.env, SSH_AUTH_SOCK: join(folder, "agent") }, stdio: "ignore" });
}

async function build(instructions: string, flags: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const words = flags.map((flag) => flag.replaceAll("@", `${folder}/`));
  return await runStrata(root, ["build", "--progress=plain", "--no-cache", ...words, "-f", "-", join(folder, "context")], {
    input: `FROM strata-test/tools\n${instructions}\n`,
    env,
  });
}

function output({ stderr }: Outcome): readonly string[] {
  return stderr.split("\n").flatMap((line) => /^#\d+ \d+\.\d+ (.*)$/.exec(line)?.[1] ?? []);
}

const KEYS = "ssh-add -L | cut -d ' ' -f 3";

/** name, instruction, flags, output */
const rows: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  ["the agent of a socket", `RUN --mount=type=ssh ${KEYS}`, ["--ssh", "default=@agent"], ["one"]],
  ["keys", `RUN --mount=type=ssh ${KEYS}`, ["--ssh", "default=@two,@three"], ["two", "three"]],
  [
    "two ids, at the usual places",
    "RUN --mount=type=ssh,id=a --mount=type=ssh,id=b echo $SSH_AUTH_SOCK; ls /run/buildkit",
    ["--ssh", "a=@agent", "--ssh", "b=@two"],
    ["/run/buildkit/ssh_agent.0", "ssh_agent.0", "ssh_agent.1"],
  ],
  [
    "a target, relative to WORKDIR, with mode and owner",
    "WORKDIR /w\nRUN --mount=type=ssh,target=s,mode=0666,uid=5,gid=6 echo $SSH_AUTH_SOCK; stat -c '%F %a %u:%g' /w/s",
    ["--ssh", "default=@agent"],
    ["/w/s", "socket 666 5:6"],
  ],
  [
    "only its owner may use it",
    `USER 1000\nRUN --mount=type=ssh,uid=1000 ${KEYS}\nRUN --mount=type=ssh (ssh-add -L || echo no) 2>/dev/null`,
    ["--ssh", "default=@agent"],
    ["one", "no"],
  ],
  ["an id that was not given is not there", "RUN --mount=type=ssh,id=none ls /run/buildkit 2>/dev/null || echo none", [], ["none"]],
  ["ENV names another socket", "ENV SSH_AUTH_SOCK=/mine\nRUN --mount=type=ssh echo $SSH_AUTH_SOCK", ["--ssh", "default=@agent"], ["/mine"]],
];

test.each(rows)("%s", async (_, instruction, flags, wanted) => {
  const outcome = await build(instruction, flags);
  expect(outcome.stderr).not.toMatch(/ERROR/);
  expect(output(outcome)).toEqual(wanted);
});

test("--ssh default alone is the agent of SSH_AUTH_SOCK", async () => {
  expect(output(await build(`RUN --mount=type=ssh ${KEYS}`, ["--ssh", "default"], { SSH_AUTH_SOCK: join(folder, "agent") }))).toEqual(["one"]);
  const { status, stderr } = await build(`RUN --mount=type=ssh ${KEYS}`, ["--ssh", "default"], { SSH_AUTH_SOCK: "" });
  expect([status, stderr]).toEqual([2, expect.stringContaining("there is no agent, SSH_AUTH_SOCK is not set")]);
});

test("a required id that was not given is refused with its place", async () => {
  const { status, stderr } = await build("RUN --mount=type=ssh,required ssh-add -L", []);
  expect(status).toBe(1);
  expect(stderr).toMatch(/Dockerfile:2\n[^]*Cannot mount ssh agent default: it was not given\nGive it by --ssh default/);
});

test("a key with a passphrase is refused, and nobody is asked for it", async () => {
  const { status, stderr } = await build("RUN --mount=type=ssh ssh-add -L", ["--ssh", "default=@locked"]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/Cannot give ssh keys .*locked to a step/);
});

test("what is given is no part of the cache key", async () => {
  const text = "FROM strata-test/tools\nRUN --mount=type=ssh echo the same\n";
  const explained = async (flag: string): Promise<string> =>
    (await runStrata(root, ["build", "--progress=plain", "--explain", "--ssh", flag, "-f", "-", join(folder, "context")], { input: text })).stderr;
  await explained(`default=${join(folder, "agent")}`);
  expect(await explained(`default=${join(folder, "two")}`)).toMatch(/CACHED/);
});

test("A build that is killed takes its throw-away agent along", async () => {
  writeFileSync(join(folder, "context", "Dockerfile"), "FROM strata-test/tools\nRUN --mount=type=ssh echo begun; sleep 600\n");
  const child = spawn(
    process.execPath,
    [strata, "build", "--progress=plain", "--no-cache", "--ssh", `default=${join(folder, "two")}`, join(folder, "context")],
    { env: root.env, stdio: ["ignore", "ignore", "pipe"] },
  );
  let text = "";
  child.stderr.on("data", (data: Buffer) => (text += data.toString()));
  await expect.poll(() => text, { timeout: 60_000 }).toMatch(/\d begun/);
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  const agents = (): readonly string[] =>
    execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.includes("ssh-agent") && line.includes(root.runRoot));
  await expect.poll(agents, { timeout: 60_000 }).toEqual([]);
}, 180_000);
