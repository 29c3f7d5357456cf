/** ADD of git over ssh, from a real sshd on loopback. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SshSource } from "../../builder/request.ts";
import { freePort } from "../support/free-port.ts";
import { serveGit, type GitServer } from "../support/git-server.ts";
import { eventually } from "../support/cluster.ts";
import { openLab, type Built, type Lab } from "./lab.ts";

const SSHD = "/usr/sbin/sshd";
const runs = existsSync(SSHD) && process.getuid?.() === 0;

let lab: Lab;
let git: GitServer;
let daemon: ChildProcess;
let port = 0;

const path = (...names: readonly string[]): string => join(lab.folder, "ssh", ...names);

function keygen(name: string): void {
  execFileSync("rm", ["-f", path(name), path(`${name}.pub`)]);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path(name)]);
}

async function start(): Promise<void> {
  daemon = spawn(SSHD, ["-D", "-e", "-f", path("config")], { stdio: "ignore" });
  await eventually(
    async () =>
      await new Promise<void>((resolve, reject) => {
        const socket = connect(port, "127.0.0.1", () => (socket.destroy(), resolve())).on("error", reject);
      }),
  );
}

async function stop(): Promise<void> {
  const ended = new Promise((resolve) => daemon.once("exit", resolve));
  daemon.kill("SIGTERM");
  await ended;
}

beforeAll(async () => {
  if (!runs) return;
  lab = await openLab();
  mkdirSync(path(), { mode: 0o700 });
  mkdirSync("/run/sshd", { recursive: true }); // where sshd goes before a login
  for (const name of ["host", "user", "stranger"]) keygen(name);
  writeFileSync(path("authorized"), execFileSync("cat", [path("user.pub")]));
  port = await freePort();
  const settings = {
    Port: port,
    ListenAddress: "127.0.0.1",
    HostKey: path("host"),
    AuthorizedKeysFile: path("authorized"),
    PidFile: "none",
    StrictModes: "no",
    UsePAM: "no",
    PasswordAuthentication: "no",
    KbdInteractiveAuthentication: "no",
    PermitRootLogin: "yes",
  };
  writeFileSync(
    path("config"),
    Object.entries(settings)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(""),
  );
  git = await serveGit(path());
  git.create("private");
  git.commit("private", { a: "A" });
  await start();
});
afterAll(async () => {
  if (!runs) return;
  await stop();
  await git[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
});

const add = async (source?: SshSource): Promise<Built> =>
  await lab.build(`FROM scratch\nADD ssh://root@127.0.0.1:${port}${path("private.git")} /n/\n`, {
    noCache: true,
    ...(source === undefined ? {} : { ssh: new Map([["default", source]]) }),
  });

test.runIf(runs)("Keys and agents that were given open the repository; others, and none, do not", async () => {
  expect((await add({ kind: "keys", paths: [path("user")] })).files["n/a"]).toBe("file 644 0:0 A");
  await expect(add({ kind: "keys", paths: [path("stranger")] })).rejects.toMatchObject({
    code: "GIT_FAILED",
    message: expect.stringMatching(/Permission denied/) as string,
  });
  await expect(add()).rejects.toMatchObject({ code: "GIT_FAILED", message: expect.stringMatching(/was given no ssh keys/) as string });
  const agent = spawn("ssh-agent", ["-D", "-a", path("agent")], { stdio: "ignore" });
  const ended = new Promise((resolve) => agent.once("exit", resolve));
  try {
    await eventually(
      async () =>
        await Promise.resolve(void execFileSync("ssh-add", ["-q", path("user")], { env: { ...process.env, SSH_AUTH_SOCK: path("agent") }, stdio: "ignore" })),
    );
    expect((await add({ kind: "socket", path: path("agent") })).files["n/a"]).toBe("file 644 0:0 A");
  } finally {
    agent.kill();
    await ended;
  }
});

test.runIf(runs)("A host is known from its first time on: another key under its name is refused", async () => {
  await add({ kind: "keys", paths: [path("user")] });
  await stop();
  keygen("host");
  await start();
  await expect(add({ kind: "keys", paths: [path("user")] })).rejects.toMatchObject({
    code: "GIT_FAILED",
    message: expect.stringMatching(/verification failed|HOST IDENTIFICATION/i) as string,
  });
});
