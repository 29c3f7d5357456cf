/** What a user is told whom a registry refuses, and what one may see who may see little. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { openStore } from "../../store/open.ts";
import { runStrata, serveStrata, type Outcome } from "../support/cli.ts";
import { serveHttp } from "../support/http-server.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { buildImage } from "./image.ts";
import { certificateFiles, startRegistry } from "./registry.ts";

const READY = /listening on (127\.0\.0\.1:\d+)/;
let root: TemporaryRoot;
let home: string;

beforeEach(() => {
  root = temporaryRoot();
  home = join(root.root, "../home");
  mkdirSync(home);
});
afterEach(() => root[Symbol.dispose]());

async function asUser(args: readonly string[], input?: string): Promise<Outcome> {
  const env = { HOME: home, XDG_RUNTIME_DIR: join(home, "run"), DOCKER_CONFIG: join(home, ".docker") };
  return await runStrata(root, args, { env, ...(input === undefined ? {} : { input }) });
}

async function build(name: string): Promise<void> {
  await using store = await openStore({ root: root.root, treeTool });
  await buildImage(store, name);
}

test("a repository that is full is told, and nobody sent for another password", async () => {
  const [htpasswd, policy] = [join(home, "htpasswd"), join(home, "policy.json")];
  writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\n`);
  const rules = [{ users: ["ann"], repositories: ["**"], actions: ["*"] }];
  writeFileSync(policy, JSON.stringify({ rules, quotas: [{ repositories: ["**"], size: 100 }] }));
  const flags = ["--log-format", "none", "--htpasswd", htpasswd, "--policy", policy];
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", ...flags], READY);
  const name = `${server.match[1]}/team/app:v1`;
  await build(name);
  const { status, stderr } = await asUser(["push", "--creds", "ann:secret", name]);
  expect([status, stderr]).toEqual([
    1,
    expect.stringMatching(/the registry answered 403, Cannot store \S+B in team\/app: it holds 0B of the 100B that it may\n$/),
  ]);
});

test("who may not push is told as whom and where, and sees the repositories that the policy shows", async () => {
  const [htpasswd, policy] = [join(home, "htpasswd"), join(home, "policy.json")];
  writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\nbob:${hashSync("secret", 4)}\n`);
  const rules = [
    { users: ["ann"], repositories: ["**"], actions: ["*"] },
    { users: ["bob"], repositories: ["public/*"], actions: ["pull"] },
  ];
  writeFileSync(policy, JSON.stringify({ rules }));
  const flags = ["--log-format", "none", "--htpasswd", htpasswd, "--policy", policy];
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", ...flags], READY);
  const host = server.match[1] ?? "";
  const [open, closed] = [`${host}/public/app:v1`, `${host}/team/app:v1`];
  const push = async (name: string): Promise<readonly string[]> => {
    await build(name);
    const { stdout } = await asUser(["push", "--creds", "ann:secret", name]);
    return stdout.split("\n").flatMap((line) => /^[0-9a-f]{12}: (.*)/.exec(line)?.slice(1) ?? []);
  };
  expect(await push(open)).toEqual(["Pushed", "Pushed"]); // of this very store, and yet new there
  expect(await push(open)).toEqual(["Layer already exists", "Layer already exists"]);
  expect(await push(closed)).toEqual(["Mounted from public/app", "Mounted from public/app"]);
  expect((await asUser(["registry", "ls", host])).status).toBe(1);
  expect((await asUser(["login", "-u", "bob", "--password-stdin", host], "secret")).status).toBe(0);
  expect((await asUser(["registry", "ls", host])).stdout).toBe("public/app\n");
  for (const [verb, name] of [
    ["push", "public/app"],
    ["push", "team/app"],
    ["pull", "team/app"],
  ] as const) {
    const { status, stderr } = await asUser([verb, `${host}/${name}:v1`]);
    expect(stderr).toMatch(new RegExp(`^strata: Cannot ${verb} ${host}/${name}:v1: the registry answered 403(?:, .*)?\\n`));
    expect([status, stderr]).toEqual([1, expect.stringContaining(`You are logged in as bob, who may not ${verb} ${name}; 'strata login ${host}' logs in`)]);
  }
});

test.each([{ how: "by passwords alone" }, { how: "by tokens", isPolicy: true }])(
  "a wrong password is told as one, and delete as what was asked, $how",
  async ({ isPolicy }) => {
    const [htpasswd, policy] = [join(home, "htpasswd"), join(home, "policy.json")];
    writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\nbob:${hashSync("secret", 4)}\n`);
    writeFileSync(policy, JSON.stringify({ rules: [{ users: ["ann"], repositories: ["**"], actions: ["pull", "push"] }] }));
    const flags = ["--log-format", "none", "--htpasswd", htpasswd, ...(isPolicy === true ? ["--policy", policy] : [])];
    await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", ...flags], READY);
    const host = server.match[1] ?? "";
    for (const args of [
      ["registry", "ls", "--creds", "eve:wrong"],
      ["login", "-u", "eve", "-p", "wrong"],
    ]) {
      const { status, stderr } = await asUser([...args, host]);
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(/ 401, .*\nCheck the user name and password of eve; log in again with 'strata login 127.*'\n$/),
      ]);
    }
    if (isPolicy !== true) return;
    const name = `${host}/team/app:v1`;
    await build(name);
    expect((await asUser(["push", "--creds", "ann:secret", name])).status).toBe(0);
    const { status, stderr } = await asUser(["registry", "delete", "--creds", "ann:secret", name]);
    expect([status, stderr]).toEqual([1, expect.stringContaining("You are logged in as ann, who may not delete team/app;")]);
  },
);

test("who had to say --insecure is told to log in so too, and a password on the command line is warned of as by docker", async () => {
  const htpasswd = join(home, "htpasswd");
  writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\n`);
  const pair = issueCertificate(createAuthority("nobody knows it"), { commonName: "127.0.0.1", names: ["127.0.0.1"], usage: "server" });
  await using registry = await startRegistry({ htpasswd, tls: certificateFiles(home, pair), logFormat: "none" });
  const name = `${registry.host}/team/app:v1`;
  await build(name);
  for (const verb of ["push", "pull"])
    expect(await asUser([verb, "-q", "--insecure", name])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        new RegExp(
          `^strata: Cannot ${verb} ${name}: the registry answered 401(?:, .*)?\\nLog in with 'strata login --insecure ${registry.host}', or check the name\\n$`,
        ),
      ),
    });
  const login = await asUser(["login", "--insecure", "-u", "ann", "-p", "secret", registry.host]);
  expect([login.status, login.stderr]).toEqual([
    0,
    expect.stringMatching(/^WARNING! Using --password via the CLI is insecure. Use --password-stdin.\nKept in /),
  ]);
  expect((await asUser(["push", "-q", "--insecure", name])).status).toBe(0);
  const copied = await asUser(["copy", "-q", "--dest-tls-verify=false", "--dest-creds", "ann:wrong", name, `docker://${name}`]);
  expect(copied).toMatchObject({ status: 1, stderr: expect.stringMatching(new RegExp(`^strata: Cannot push ${name}: the registry answered 401`)) });
});

test("a token service whose every token is refused is not asked for ever", async () => {
  let tokens = 0;
  await using server = await serveHttp((request, response) => {
    const { host = "" } = request.headers;
    if (request.url?.startsWith("/token") === true) return void response.end(JSON.stringify({ token: `t${tokens++}` }));
    const challenge = `Bearer realm="http://${host}/token",service="odd",scope="repository:team/app:pull"`;
    response.writeHead(401, { "www-authenticate": challenge }).end(JSON.stringify({ errors: [{ code: "DENIED", message: "requested access is denied" }] }));
  });
  const name = `127.0.0.1:${server.port}/team/app:v1`;
  const { status, stderr } = await asUser(["pull", "--creds", "ann:secret", name]);
  expect([status, stderr]).toEqual([1, expect.stringMatching(/401, requested access is denied\nYou are logged in as ann, who may not pull team\/app;/)]);
  expect(tokens).toBeLessThan(10);
});
