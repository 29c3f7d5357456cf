/** push, pull, login and logout as a user runs them. */
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import { runStrata, serveStrata, strataOutput } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { buildImage } from "./image.ts";

const READY = /listening on (127\.0\.0\.1:\d+)/;
let root: TemporaryRoot;
let home: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  root = temporaryRoot();
  home = join(root.root, "../home");
  mkdirSync(home);
  env = { HOME: home, XDG_RUNTIME_DIR: join(home, "run"), DOCKER_CONFIG: join(home, ".docker") };
});
afterEach(() => root[Symbol.dispose]());

async function withStore<T>(run: (store: Awaited<ReturnType<typeof openStore>>) => Promise<T>): Promise<T> {
  await using store = await openStore({ root: root.root, treeTool });
  return await run(store);
}

test("an image is pushed and pulled with one digest, and remembers where it went", async () => {
  using remoteRoot = temporaryRoot();
  await using server = await serveStrata(remoteRoot, ["registry", "serve", "--listen", "127.0.0.1:0"], READY);
  const name = `${server.match[1]}/team/app:v1`;
  const id = await withStore(async (store) => (await store.images.read(await buildImage(store, name))).id);
  const pushed = await runStrata(root, ["push", name]);
  expect([pushed.status, pushed.stderr]).toEqual([0, ""]);
  const docker = /^The push refers to repository \[127.*\n(?:[0-9a-f]{12}: Pushed\n){2}v1: digest: (sha256:[0-9a-f]{64}) size: (\d+)\n$/; // says as much
  const [, digest = "", size = ""] = docker.exec(pushed.stdout) ?? [];
  expect(Number(size)).toBeGreaterThan(0);
  expect(await strataOutput(root, "push", name)).toMatch(/^The push.*\n(?:[0-9a-f]{12}: Layer already exists\n){2}v1: digest: /);
  expect(await strataOutput(root, "push", "-q", name)).toBe(name);
  await withStore(async (store) => {
    expect(store.table("registry.pushed").get(id)).toEqual([`${server.match[1]}/team/app@${digest}`]);
    await store.images.untag(name);
  });
  const pulled = await runStrata(root, ["pull", name]);
  expect([pulled.status, pulled.stdout, pulled.stderr]).toEqual([
    0,
    expect.stringMatching(new RegExp(`\nDigest: ${digest}\nStatus: Downloaded newer image for ${name}\n${name}\n$`)),
    "",
  ]);
  expect(await strataOutput(root, "pull", name)).toBe(`v1: Pulling from team/app\nDigest: ${digest}\nStatus: Image is up to date for ${name}\n${name}`);
  expect(await strataOutput(root, "pull", "-q", `${server.match[1]}/team/app@${digest}`)).toContain(digest);
  expect(await withStore(async (store) => (await store.images.open(name)).id)).toBe(id);
});

test("where blobs were seen is forgotten once they are gone", async () => {
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0"], READY);
  const name = `${server.match[1]}/team/app:v1`;
  await withStore(async (store) => await buildImage(store, name));
  await strataOutput(root, "push", "-q", name);
  const known = async (): Promise<number> => await withStore(async (store) => store.table("registry.places").list().length);
  await strataOutput(root, "system", "prune", "--force");
  expect(await known()).toBeGreaterThan(0);
  await withStore(async (store) => await store.table("registry.places").put(`sha256:${"0".repeat(64)}`, [`${server.match[1]}/team/app`]));
  const before = await known();
  await strataOutput(root, "system", "prune", "--force");
  expect(await known()).toBe(before - 1);
});

test("a pulled image that is removed leaves nothing: knowing where its blobs were seen holds none of them", async () => {
  using remoteRoot = temporaryRoot();
  await using server = await serveStrata(remoteRoot, ["registry", "serve", "--listen", "127.0.0.1:0"], READY);
  const name = `${server.match[1]}/team/gone:v1`;
  await withStore(async (store) => await buildImage(store, name));
  await strataOutput(root, "push", "-q", name);
  using other = temporaryRoot();
  await strataOutput(other, "pull", "-q", name);
  await strataOutput(other, "rmi", name);
  expect(await strataOutput(other, "system", "prune", "--all", "--force")).toMatch(/^Total reclaimed space: /m);
  await using store = await openStore({ root: other.root, treeTool });
  const left: string[] = [];
  for await (const { digest } of store.blobs.list()) left.push(digest);
  expect([left, store.table("registry.places").list()]).toEqual([[], []]);
});

test("what is not there is said in a sentence", async () => {
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0"], READY);
  const unknown = await runStrata(root, ["pull", `${server.match[1]}/no/such:v1`]);
  expect([unknown.status, unknown.stderr]).toEqual([1, expect.stringMatching(/Cannot find 127\.0\.0\.1:\d+\/no\/such:v1/)]);
  const local = await runStrata(root, ["push", `${server.match[1]}/no/such:v1`]);
  expect([local.status, local.stderr.includes("An image does not exist locally with the tag: ")]).toEqual([1, true]);
  const nobody = await runStrata(root, ["pull", "127.0.0.1:1/x:v1"]);
  expect([nobody.status, nobody.stderr]).toEqual([1, expect.stringContaining("Cannot reach 127.0.0.1:1")]);
});

test("login keeps what the registry accepts, logout forgets it", async () => {
  const htpasswd = join(home, "htpasswd");
  writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\n`);
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--htpasswd", htpasswd], READY);
  const host = server.match[1] ?? "";
  const name = `${host}/private:v1`;
  await withStore(async (store) => await buildImage(store, name));
  const out = await runStrata(root, ["push", name], { env });
  expect([out.status, out.stderr]).toEqual([1, expect.stringContaining(`strata login ${host}`)]);
  const wrong = await runStrata(root, ["login", "-u", "ann", "--password-stdin", host], { env, input: "nonsense\n" });
  expect([wrong.status, wrong.stdout]).toEqual([1, ""]);
  const right = await runStrata(root, ["login", "-u", "ann", "--password-stdin", host], { env, input: "secret\n" });
  expect([right.status, right.stdout]).toEqual([0, "Login Succeeded\n"]);
  const file = join(home, ".docker/config.json");
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ auths: { [host]: { auth: Buffer.from("ann:secret").toString("base64") } } });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await runStrata(root, ["push", name], { env })).status).toBe(0);
  expect((await runStrata(root, ["logout", host], { env })).stdout).toContain("Removing login credentials");
  expect((await runStrata(root, ["push", name], { env })).status).toBe(1);
});

test.each([
  { name: "for everything", config: () => ({ credsStore: "vault", kept: true }) },
  { name: "for this registry", config: (host: string) => ({ credHelpers: { [host]: "vault", "elsewhere.example": "none" }, kept: true }) },
])("a credential helper $name keeps the password instead of the file", async ({ config }) => {
  const htpasswd = join(home, "htpasswd");
  writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\n`);
  const vault = join(home, "vault");
  const bin = join(home, "bin");
  mkdirSync(bin);
  mkdirSync(join(home, ".docker"));
  writeFileSync(
    join(bin, "docker-credential-vault"),
    `#!/bin/sh\ncase $1 in\nstore) cat >${vault};;\nget) cat ${vault} 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; };;\nerase) rm -f ${vault};;\nesac\n`,
  );
  chmodSync(join(bin, "docker-credential-vault"), 0o755);
  const withHelper = { ...env, PATH: `${bin}:${process.env["PATH"]}` };
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--htpasswd", htpasswd], READY);
  const host = server.match[1] ?? "";
  writeFileSync(join(home, ".docker/config.json"), JSON.stringify(config(host)));
  expect((await runStrata(root, ["login", "-u", "ann", "--password-stdin", host], { env: withHelper, input: "secret" })).status).toBe(0);
  expect(JSON.parse(readFileSync(vault, "utf8"))).toEqual({ ServerURL: host, Username: "ann", Secret: "secret" });
  expect(JSON.parse(readFileSync(join(home, ".docker/config.json"), "utf8"))).toEqual({ ...config(host), auths: { [host]: {} } });
  expect((await runStrata(root, ["registry", "ls", host], { env: withHelper })).status).toBe(0);
  expect((await runStrata(root, ["logout", host], { env: withHelper })).status).toBe(0);
  const out = await runStrata(root, ["registry", "ls", host], { env: withHelper });
  expect([out.status, out.stderr]).toEqual([1, expect.stringContaining("strata login")]);
});

test("to another repository of the same registry nothing travels twice, and not at all without the right to the first", async () => {
  using remoteRoot = temporaryRoot();
  const policy = join(home, "policy.json");
  const htpasswd = join(home, "htpasswd");
  writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\nbob:${hashSync("secret", 4)}\n`);
  writeFileSync(
    policy,
    JSON.stringify({
      rules: [
        { users: ["ann"], repositories: ["**"], actions: ["pull", "push"] },
        { users: ["bob"], repositories: ["two/**"], actions: ["pull", "push"] },
      ],
    }),
  );
  const flags = ["--log-format", "none", "--htpasswd", htpasswd, "--policy", policy];
  await using server = await serveStrata(remoteRoot, ["registry", "serve", "--listen", "127.0.0.1:0", ...flags], READY);
  const host = server.match[1] ?? "";
  const [first, second, third] = ["one/app:v1", "two/app:v1", "two/again:v1"].map((name) => `${host}/${name}`) as [string, string, string];
  await withStore(async (store) => await buildImage(store, first));
  for (const name of [second, third]) expect((await runStrata(root, ["tag", first, name])).status).toBe(0);
  const push = async (name: string, user: string): Promise<string> => {
    const { status, stdout } = await runStrata(root, ["push", "--creds", `${user}:secret`, name], { env });
    return `${status} ${stdout}`;
  };
  expect(await push(first, "ann")).toMatch(/^0 .*\n(?:[0-9a-f]{12}: Pushed\n){2}v1: digest: .*\n$/);
  expect(await push(second, "bob")).toMatch(/^0 .*\n(?:[0-9a-f]{12}: Pushed\n){2}v1: digest: .*\n$/); // bob may not read the first
  expect(await push(third, "ann")).toMatch(/^0 .*\n(?:[0-9a-f]{12}: Mounted from (?:one|two)\/app\n){2}v1: digest: .*\n$/);
});
