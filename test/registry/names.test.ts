/** Registries and images as other tools write them, what registries.conf says of a registry, and what is printed of it for programs. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parsePlace } from "../../cli/copy/place.ts";
import { loginHost, registryHost, remoteName } from "../../cli/registry/remote-name.ts";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { runStrata, strataOutput, type Outcome } from "../support/cli.ts";
import { serveHttp, type HttpServer } from "../support/http-server.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { configOf, tarOf } from "./image.ts";
import { blob, manifestOf, pushBlob, putManifest, startRegistry, unknownDigest, type TestRegistry } from "./registry.ts";

describe("a registry to log in to", () => {
  test.each([
    ["r.example", "r.example"],
    ["r.example:5000", "r.example:5000"],
    ["[::1]:5000", "[::1]:5000"],
    ["https://r.example", "r.example"],
    ["http://r.example:5000/", "r.example:5000"],
    ["https://r.example/v2/", "r.example"],
    ["r.example/team/app", "r.example"],
    ["https://index.docker.io/v1/", "docker.io"],
  ])("%s", (text, host) => expect(loginHost(text, "log in to")).toBe(host));
  test.each(["ftp://r.example", "docker://r.example", "", "a b", "https://", "r.example:port"])("is not %j", (text) => {
    expect(() => loginHost(text, "log in to")).toThrow(/^Cannot log in to /);
  });
});

describe("a registry to list", () => {
  test.each(["r.example:5000", "r.example:5000/", "https://r.example:5000", "docker://r.example:5000"])("%s", (text) => {
    expect(registryHost(text, "list")).toBe("r.example:5000");
  });
  test("is no repository", () =>
    expect(() => registryHost("docker://r.example/app", "list")).toThrow(/repository of r\.example\n'strata registry tags r\.example\/app'/));
});

test("an image may have docker:// before it, and nothing else", () => {
  expect([remoteName("docker://r.example/app:v1", "pull"), remoteName("r.example/app:v1", "pull")]).toEqual(["r.example/app:v1", "r.example/app:v1"]);
  expect(() => remoteName("https://r.example/app", "pull")).toThrow("not https://\nGive r.example/app");
});

test.each([
  ["http://r.example:5000/app:v1", "r.example:5000/app:v1"],
  ["http://r.example/v2/team/app/tags/list?n=2", "r.example/team/app"],
  ["https://r.example/v2/app/manifests/v1", "r.example/app:v1"],
  ["https://r.example/v2/app/manifests/sha256:00", "r.example/app@sha256:00"],
  ["https://r.example/v2/_catalog", "r.example/NAME"],
  ["https://r.example/v2/", "r.example/NAME"],
  ["https://index.docker.io/v1/", "index.docker.io/NAME"],
])("of the address %s the image is told", (text, image) => {
  expect(() => remoteName(text, "pull")).toThrow(new RegExp(`\nGive ${image}$`));
  expect(() => parsePlace(text)).toThrow(new RegExp(`^Cannot copy .*: before a registry stands docker://, not https?://\nGive docker://${image}$`));
});

let root: TemporaryRoot;
beforeAll(() => void (root = temporaryRoot()));
afterAll(() => root[Symbol.dispose]());

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const home = root.runRoot;
  return await runStrata(root, args, { env: { HOME: home, DOCKER_CONFIG: join(home, ".docker"), XDG_RUNTIME_DIR: home, XDG_CONFIG_HOME: home, ...env } });
}

describe("an image of a registry", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ logFormat: "none" });
    const tar = await tarOf({ hello: Buffer.from("hello\n") });
    const [layer, config] = [blob(tar, MEDIA_TYPE.layerTar), configOf(digestOf(tar))];
    for (const part of [layer, config]) await pushBlob(registry, "team/app", part);
    await putManifest(registry, "team/app", "v1", manifestOf(config, [layer]));
  });
  afterAll(async () => await registry[Symbol.asyncDispose]());
  const said = async (...args: readonly string[]): Promise<string> => await strataOutput(root, ...args);

  test("is pulled, pushed, looked into and deleted with docker:// before its name", async () => {
    const name = `docker://${registry.host}/team/app:v1`;
    expect(await said("pull", "-q", name)).toBe(`${registry.host}/team/app:v1`);
    await said("push", "-q", name);
    expect(await said("registry", "tags", `docker://${registry.host}/team/app`)).toBe("v1");
    expect(JSON.parse(await said("registry", "manifest", name))).toMatchObject({ schemaVersion: 2 });
    expect(await said("registry", "ls", `http://${registry.host}`)).toBe("team/app");
    expect(await run(["registry", "ls", `${registry.host}/team/app`])).toMatchObject({ status: 2, stdout: "" });
    for (const which of [":v1", `@${unknownDigest()}`]) {
      const { status, stdout, stderr } = await run(["registry", "tags", `${registry.host}/team/app${which}`]);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(`that is one image, not a repository\n'strata registry manifest ${registry.host}/team/app${which}' prints`);
      expect(stderr).toContain(`'strata registry tags ${registry.host}/team/app' lists`);
    }
    await said("tag", `${registry.host}/team/app:v1`, `${registry.host}/team/app:gone`);
    await said("push", "-q", `${registry.host}/team/app:gone`);
    expect(await said("registry", "delete", `docker://${registry.host}/team/app:gone`)).toBe(`Deleted ${registry.host}/team/app:gone`);
  });

  test("its lists are one array each for programs", async () => {
    const name = `${registry.host}/team/app`;
    const json = async (verb: string, of: string): Promise<unknown> => JSON.parse(await said("registry", verb, "-o", "json", of)) as unknown;
    expect([await json("ls", registry.host), await json("tags", name)]).toEqual([["team/app"], ["v1"]]);
    expect(await json("referrers", `${name}:v1`)).toEqual([]);
    const subject = blob(await said("registry", "manifest", `${name}:v1`), MEDIA_TYPE.manifest).descriptor;
    const empty = blob("{}", MEDIA_TYPE.empty);
    await pushBlob(registry, "team/app", empty);
    for (const artifactType of ["test/one", "test/two"]) {
      const referrer = manifestOf(empty, [empty], { subject, artifactType });
      await putManifest(registry, "team/app", referrer.descriptor.digest, referrer);
    }
    expect(((await json("referrers", `${name}:v1`)) as { ArtifactType: string }[]).map(({ ArtifactType }) => ArtifactType).sort()).toEqual([
      "test/one",
      "test/two",
    ]);
  });

  test("--tls-verify takes no name for its value", async () => {
    const name = `${registry.host}/team/app:v1`;
    expect(await run(["pull", "-q", "--tls-verify", name])).toMatchObject({ status: 0, stdout: `${name}\n` });
    expect(await run(["pull", "-q", "--tls-verify=false", name])).toMatchObject({ status: 0, stdout: `${name}\n` });
    const odd = await run(["pull", "-q", "--tls-verify=maybe", name]);
    expect([odd.status, odd.stderr]).toEqual([2, expect.stringContaining('invalid argument "maybe" for "--tls-verify" flag: it is true or false')]);
  });
});

describe("insecure = true of registries.conf", () => {
  let server: HttpServer;
  beforeEach(async () => {
    server = await serveHttp((_, response) => response.end('{"repositories":["app"]}'));
    return async () => await server[Symbol.asyncDispose]();
  });
  const told = (text: string): NodeJS.ProcessEnv => {
    const file = join(root.runRoot, "registries.conf");
    writeFileSync(file, `[[registry]]\nlocation = "0.0.0.0:${server.port}"\n${text}\n`);
    return { CONTAINERS_REGISTRIES_CONF: file };
  };

  test.each([
    { name: "registry ls", args: ["registry", "ls"], says: "app\n" },
    { name: "login", args: ["login", "-u", "ann", "-p", "secret"], says: "Login Succeeded\n" },
  ])("$name", async ({ args, says }) => {
    const host = `0.0.0.0:${server.port}`;
    expect(await run([...args, host], told("insecure = true"))).toMatchObject({ status: 0, stdout: says });
    expect((await run([...args, host], told("insecure = false"))).status).toBe(1);
    expect(await run([...args, host], told("blocked = true"))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`strata: Cannot use ${host}: registries.conf blocks it\n`),
    });
  });
});
