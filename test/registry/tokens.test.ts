/** A registry with a policy: real clients log in, get tokens, and may do what it says and no more. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDockerd } from "../support/dockerd.ts";
import { podmanStore } from "../support/podman.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { writeLayout } from "./image.ts";
import { blob, noise, pushBlob, startRegistry, type TestRegistry } from "./registry.ts";

const run = promisify(execFile);
const policyText = (annMay: string): string => `
rules:
  - { users: [ann], repositories: ["team/*"], actions: ${annMay} }
  - { users: [bob], repositories: ["team/*"], actions: [pull] }
  - { users: [anonymous, "*"], repositories: ["public/*"], actions: [pull] }
  - { users: [root], repositories: ["**"], actions: ["*"] }
`;

let scratch: TemporaryRoot;
let registry: TestRegistry;
let [htpasswd, policy] = ["", ""];
let layout: string;

beforeAll(async () => {
  scratch = temporaryRoot();
  [htpasswd, policy, layout] = ["htpasswd", "policy.yaml", "layout"].map((name) => join(scratch.root, name)) as [string, string, string];
  writeFileSync(htpasswd, ["ann", "bob", "root"].map((name) => `${name}:${hashSync(`${name}-secret`, 4)}\n`).join(""));
  writeFileSync(policy, policyText("[pull, push]"));
  registry = await startRegistry({ htpasswd, policy });
  mkdirSync(layout);
  await writeLayout(layout, ["amd64"]);
  await push("root", "public/image:v1");
  await push("root", "team/app:v1");
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

const basic = (user: string, password = `${user}-secret`): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
});

async function skopeo(...args: readonly string[]): Promise<string> {
  return (await run("skopeo", args)).stdout;
}

async function push(user: string, name: string): Promise<void> {
  await skopeo("copy", "--dest-tls-verify=false", "--dest-creds", `${user}:${user}-secret`, `oci:${layout}:v1`, `docker://${registry.host}/${name}`);
}

async function token(user: string | undefined, scopes: readonly string[], more = ""): Promise<any> {
  const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join("&");
  const reply = await fetch(`${registry.url}/auth/token?service=strata-registry&${query}${more}`, { headers: user === undefined ? {} : basic(user) });
  return await reply.json();
}

const bearer = (value: string): { headers: Record<string, string> } => ({ headers: { authorization: `Bearer ${value}` } });

describe("skopeo", () => {
  test("pushes and pulls where the user may", async () => {
    await push("ann", "team/mine:v1");
    const pull = ["inspect", "--tls-verify=false", "--creds", "bob:bob-secret", `docker://${registry.host}/team/mine:v1`];
    expect(JSON.parse(await skopeo(...pull))).toMatchObject({ Architecture: "amd64" });
  });

  test.each([
    ["bob", "team/app:v2"],
    ["ann", "public/image:v2"],
  ])("%s may not push %s", async (user, name) => {
    await expect(push(user, name)).rejects.toThrow(/denied|not allowed|unauthorized/i);
  });

  test("pulls what is public without logging in, and nothing else", async () => {
    const inspect = ["inspect", "--tls-verify=false", "--no-creds"];
    expect(JSON.parse(await skopeo(...inspect, `docker://${registry.host}/public/image:v1`))).toMatchObject({ Architecture: "amd64" });
    await expect(skopeo(...inspect, `docker://${registry.host}/team/app:v1`)).rejects.toThrow(/authentication required|unauthorized|denied/i);
  });

  test("deletes only with the right to", async () => {
    await push("root", "team/gone:v1");
    const remove = (user: string): Promise<string> =>
      skopeo("delete", "--tls-verify=false", "--creds", `${user}:${user}-secret`, `docker://${registry.host}/team/gone:v1`);
    await expect(remove("ann")).rejects.toThrow(/denied|not allowed|unauthorized/i);
    await remove("root");
  });
});

test("podman searches, with a token for that", async () => {
  const logins = join(scratch.root, "auth.json");
  writeFileSync(logins, JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from("bob:bob-secret").toString("base64") } } }));
  const flags = [...podmanStore(scratch.root), "search", "--tls-verify=false", "--authfile", logins, "--format", "{{.Name}}"];
  const search = async (words: string): Promise<string> => (await run("podman", [...flags, `${registry.host}/${words}`])).stdout.trim();
  expect(await search("app")).toBe(`${registry.host}/team/app`);
}, 60_000);

test("docker logs in, pulls, and pushes", async () => {
  await using engine = await startDockerd();
  await expect(engine.docker("login", "-u", "ann", "-p", "wrong", registry.host)).rejects.toThrow(/unauthorized/i);
  await engine.docker("login", "-u", "ann", "-p", "ann-secret", registry.host);
  await engine.docker("pull", `${registry.host}/team/app:v1`);
  await engine.docker("tag", `${registry.host}/team/app:v1`, `${registry.host}/team/by-docker:v1`);
  await engine.docker("push", `${registry.host}/team/by-docker:v1`);
  await engine.docker("tag", `${registry.host}/team/app:v1`, `${registry.host}/public/by-docker:v1`);
  await expect(engine.docker("push", `${registry.host}/public/by-docker:v1`)).rejects.toThrow(/denied/i);
}, 300_000);

describe("the token service", () => {
  test("says where it is and what is needed, in the 401", async () => {
    const reply = await fetch(`${registry.url}/v2/team/app/tags/list`);
    expect([reply.status, reply.headers.get("www-authenticate")]).toEqual([
      401,
      `Bearer realm="${registry.url}/auth/token",service="strata-registry",scope="repository:team/app:pull"`,
    ]);
  });

  test.each([
    { name: "that is for something else", from: async () => String((await token("bob", ["repository:team/app:pull"])).token), error: "insufficient_scope" },
    { name: "that is none", from: async () => await Promise.resolve("x.y.z"), error: "invalid_token" },
  ])("tells what a token lacks $name", async ({ from, error }) => {
    const reply = await fetch(`${registry.url}/v2/_catalog`, bearer(await from()));
    expect([reply.status, reply.headers.get("www-authenticate")]).toEqual([
      401,
      `Bearer realm="${registry.url}/auth/token",service="strata-registry",scope="registry:catalog:*",error="${error}"`,
    ]);
  });

  test("gives of what is asked the part that is allowed", async () => {
    const { token: value, access_token, expires_in } = await token("bob", ["repository:team/app:pull,push,delete", "repository:other:pull"]);
    const { access, sub } = JSON.parse(Buffer.from(String(value).split(".")[1]!, "base64url").toString());
    expect({ sub, access, same: value === access_token, expires_in }).toEqual({
      sub: "bob",
      access: [{ type: "repository", name: "team/app", actions: ["pull"] }],
      same: true,
      expires_in: 300,
    });
  });

  test.each(["UPPER", "mirror/stable/".repeat(290)])("gives nothing of what is no name of a repository, to who may do everything: %s", async (name) => {
    const { token: value } = await token("root", [`repository:${name}:pull`]);
    expect(JSON.parse(Buffer.from(String(value).split(".")[1]!, "base64url").toString())).toMatchObject({ sub: "root", access: [] });
  });

  test("refuses a wrong password", async () => {
    const reply = await fetch(`${registry.url}/auth/token`, { headers: basic("ann", "wrong") });
    expect([reply.status, ((await reply.json()) as any).errors[0].code]).toEqual([401, "UNAUTHORIZED"]);
  });

  test("a token that is forged is none, whatever its letters", async () => {
    const [header, payload = "", signature = ""] = String((await token("bob", ["repository:team/app:pull"])).token).split(".");
    const more = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(payload, "base64url").toString()), sub: "root" })).toString("base64url");
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    const forged = [`${header}.${more}.${signature}`, `${none}.${payload}.`, `${header}.${payload}.`, `${header}.${payload}.é${signature.slice(1)}`, "", ".."];
    for (const value of forged) {
      expect((await fetch(`${registry.url}/v2/team/app/tags/list`, bearer(value))).status, value).toBe(401);
      const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: value });
      expect((await fetch(`${registry.url}/auth/token`, { method: "POST", body: form })).status, value).toBe(401);
    }
  });

  test("a token for less is asked to be exchanged, one that no right is behind is refused", async () => {
    const ann = await token("ann", ["repository:team/app:pull"]);
    const bob = await token("bob", ["repository:team/app:pull"]);
    const upload = async (value: string): Promise<number> =>
      (await fetch(`${registry.url}/v2/team/app/blobs/uploads/`, { method: "POST", ...bearer(value) })).status;
    expect([await upload(ann.token), await upload(bob.token)]).toEqual([401, 403]);
  });

  test("the catalog shows what one may pull", async () => {
    const { token: value } = await token("bob", ["registry:catalog:*", "repository:team/app:pull"]);
    const names = async (headers: Record<string, string>): Promise<string[]> =>
      ((await (await fetch(`${registry.url}/v2/_catalog`, { headers })).json()) as { repositories: string[] }).repositories;
    expect(await names(basic("bob"))).toEqual(expect.arrayContaining(["public/image", "team/app"]));
    expect(await names(bearer(value).headers)).toEqual(await names(basic("bob")));
    const { token: alone } = await token("bob", ["registry:catalog:*"]); // as clients ask for it
    expect(await names(bearer(alone).headers)).toEqual(await names(basic("bob")));
  });

  test("a refresh token brings new ones until the password changes", async () => {
    const { refresh_token: refresh } = await token("ann", [], "&offline_token=true");
    const exchange = async (): Promise<number> => {
      const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: refresh, service: "strata-registry", scope: "repository:team/app:pull" });
      const reply = await fetch(`${registry.url}/auth/token`, { method: "POST", body: form });
      if (reply.status === 200) expect((await fetch(`${registry.url}/v2/team/app/tags/list`, bearer(((await reply.json()) as any).token))).status).toBe(200);
      return reply.status;
    };
    expect(await exchange()).toBe(200);
    const before = ["ann", "bob", "root"].map((name) => `${name}:${hashSync(`${name}-secret`, 4)}\n`);
    writeFileSync(htpasswd, [`ann:${hashSync("changed", 4)}\n`, ...before.slice(1)].join(""));
    expect(await exchange()).toBe(401);
    writeFileSync(htpasswd, before.join(""));
  });

  test("the access log says who logged in", async () => {
    await token("bob", []);
    await expect.poll(() => registry.lines.findLast((line) => line.includes("/auth/token"))).toMatch(/ bob .*\/auth\/token/);
  });

  test("a right that is taken away is gone at once, also for tokens that are out", async () => {
    const { token: value } = await token("ann", ["repository:team/app:pull"]);
    const status = async (): Promise<number> => (await fetch(`${registry.url}/v2/team/app/tags/list`, bearer(value))).status;
    expect(await status()).toBe(200);
    writeFileSync(policy, policyText("[push]"));
    expect(await status()).toBe(403);
    writeFileSync(policy, "rules: [");
    const refused = await fetch(`${registry.url}/v2/team/app/tags/list`, bearer(value));
    expect([refused.status, refused.headers.get("retry-after"), await refused.text()]).toEqual([503, "5", expect.stringContaining("its log says which")]);
    expect(registry.lines.at(-2)).toMatch(/^settings: Cannot read the policy .*policy\.yaml: /);
    writeFileSync(policy, policyText("[pull, push]"));
    expect(await status()).toBe(200);
  });
});

test("a blob is mounted only from where the user may read", async () => {
  const secret = blob(noise(900, 7));
  const uploads = `${registry.url}/v2/hidden/one/blobs/uploads/?digest=${encodeURIComponent(secret.descriptor.digest)}`;
  expect((await fetch(uploads, { method: "POST", headers: basic("root"), body: new Uint8Array(secret.bytes) })).status).toBe(201);
  const mount = async (user: string, from: string): Promise<number> =>
    (
      await fetch(`${registry.url}/v2/team/x/blobs/uploads/?mount=${encodeURIComponent(secret.descriptor.digest)}${from}`, {
        method: "POST",
        headers: basic(user),
      })
    ).status;
  expect([await mount("ann", "&from=hidden/one"), await mount("ann", ""), await mount("root", "&from=hidden/one")]).toEqual([202, 202, 201]);
});

test.each([
  ["GET", "/v2/team/x/blobs/uploads/S", "repository:team/x:pull,push"],
  ["GET", "/v2/team%2Fx/tags/list", "repository:team/x:pull"],
  ["HEAD", "/v2/team/x/manifests/v1", "repository:team/x:pull"],
  ["DELETE", "/v2/team/blobs/uploads/b/manifests/t", "repository:team/blobs/uploads/b:delete"],
  ["DELETE", "/v2/team/x/blobs/uploads/S", "repository:team/x:pull,push"],
  ["POST", "/v2/team/x/blobs/uploads", "repository:team/x:pull,push"],
  ["GET", "/v2/_catalog", "registry:catalog:*"],
  ["GET", "/v2/", undefined],
])("%s %s is challenged for what it takes", async (method, path, scope) => {
  const reply = await fetch(registry.url + path, { method });
  const challenge = reply.headers.get("www-authenticate") ?? "";
  expect([reply.status, /scope="([^"]*)"/.exec(challenge)?.[1]]).toEqual([401, scope]);
});

test("without logging in nothing is pushed", async () => {
  expect((await pushBlob(registry, "team/app", blob("x"))).status).toBe(401);
});

test("a repository takes no more than its quota, also from two pushes at once", async () => {
  writeFileSync(policy, `${policyText("[pull, push]")}quotas: [{ repositories: ["limited/*"], size: 1500 }]\n`);
  const statuses = async (name: string, seeds: readonly number[]): Promise<number[]> =>
    await Promise.all(
      seeds.map(async (seed) => {
        const { descriptor, bytes } = blob(noise(1000, seed));
        const url = `${registry.url}/v2/${name}/blobs/uploads/?digest=${encodeURIComponent(descriptor.digest)}`;
        return (await fetch(url, { method: "POST", headers: basic("root"), body: new Uint8Array(bytes) })).status;
      }),
    );
  expect((await statuses("limited/app", [1, 2])).toSorted((a, b) => a - b)).toEqual([201, 403]);
  expect((await statuses("limited/app", [1, 2])).toSorted((a, b) => a - b)).toEqual([201, 403]);
  expect(await statuses("free/app", [1, 2])).toEqual([201, 201]);
  const type = "application/vnd.oci.image.index.v1+json";
  const manifest = async (name: string, length: number): Promise<number> => {
    const body = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [], annotations: { padding: "x".repeat(length) } });
    return (await fetch(`${registry.url}/v2/${name}/manifests/v1`, { method: "PUT", headers: { ...basic("root"), "content-type": type }, body })).status;
  };
  expect([await manifest("limited/app", 1000), await manifest("limited/app", 10), await manifest("limited/app", 10)]).toEqual([403, 201, 201]);
  expect([await manifest("limited/notes", 900), await manifest("limited/notes", 800), await manifest("free/app", 3000)]).toEqual([201, 403, 201]);
  writeFileSync(policy, policyText("[pull, push]"));
});
