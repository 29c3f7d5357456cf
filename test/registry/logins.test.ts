/** The file that logins are kept in: many at once, through links, with the permissions and the owner that it has. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findLogin, forgetLogin, saveLogin } from "../../registry/client/auth-files.ts";
import { temporaryFolder } from "../support/root.ts";

const LOGIN = { kind: "password", username: "ann", password: "secret" } as const;
let work: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  work = temporaryFolder();
  env = { HOME: work, XDG_RUNTIME_DIR: join(work, "run"), DOCKER_CONFIG: join(work, "docker") };
});
afterEach(() => rmSync(work, { recursive: true }));

const at = (name: string): string => join(work, name);
const hostsIn = (name: string): readonly string[] => Object.keys((JSON.parse(readFileSync(at(name), "utf8")) as { auths: object }).auths).sort();

test("of many logins and logouts at once none is lost", async () => {
  const hosts = Array.from({ length: 40 }, (_, n) => `h${n}.example`).sort();
  await Promise.all(hosts.map(async (host) => await saveLogin(host, LOGIN, env)));
  expect(hostsIn("docker/config.json")).toEqual(hosts);
  const [gone, kept] = [hosts.slice(0, 20), hosts.slice(20)];
  expect(await Promise.all(gone.map(async (host) => await forgetLogin(host, env)))).toEqual(gone.map(() => true));
  expect([hostsIn("docker/config.json"), readdirSync(at("docker"))]).toEqual([kept, ["config.json"]]);
});

test.each([
  { name: "a file that is there", before: '{"HttpHeaders":{"a":"b"}}', mode: 0o640, owner: 12_345 },
  { name: "one that is not there yet", before: undefined, mode: 0o600, owner: process.getuid?.() ?? 0 },
])("a link to $name stays one, and logins go where it leads", async ({ before, mode, owner }) => {
  for (const folder of ["docker", "dotfiles"]) mkdirSync(at(folder));
  symlinkSync("../dotfiles/docker.json", at("docker/config.json"));
  if (before !== undefined) {
    writeFileSync(at("dotfiles/docker.json"), before, { mode });
    chownSync(at("dotfiles/docker.json"), owner, owner);
  }
  await saveLogin("one.example", LOGIN, env);
  expect(lstatSync(at("docker/config.json")).isSymbolicLink()).toBe(true);
  const { mode: found, uid } = statSync(at("dotfiles/docker.json"));
  expect([found & 0o777, uid]).toEqual([mode, owner]);
  expect(JSON.parse(readFileSync(at("dotfiles/docker.json"), "utf8"))).toMatchObject(JSON.parse(before ?? "{}") as object);
  expect(await findLogin("one.example", "", env)).toEqual(LOGIN);
  expect(await forgetLogin("one.example", env)).toBe(true);
  expect([hostsIn("dotfiles/docker.json"), readdirSync(at("dotfiles")), readdirSync(at("docker"))]).toEqual([[], ["docker.json"], ["config.json"]]);
});

test("what a killed login left beside the file goes; a folder that somebody keeps locked is not waited for without end", { timeout: 60_000 }, async () => {
  mkdirSync(at("docker"));
  writeFileSync(at("docker/config.json.0123456789ab.part"), "half");
  const other = spawn("flock", [at("docker"), "sh", "-c", "echo locked; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"], detached: true });
  await once(other.stdout, "data");
  await saveLogin("one.example", LOGIN, env);
  process.kill(-other.pid!, "SIGKILL");
  expect([hostsIn("docker/config.json"), readdirSync(at("docker"))]).toEqual([["one.example"], ["config.json"]]);
});
