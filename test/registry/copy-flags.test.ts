/** How each end of a copy is spoken to, and what of an image is copied: skopeo's flags, between two registries that know different users. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { runStrata, strataOutput } from "../support/cli.ts";
import { serveHttp } from "../support/http-server.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { writeLayout } from "./image.ts";
import { blob, certificateFiles, manifestOf, startRegistry, type TestRegistry } from "./registry.ts";

const run = promisify(execFile);
const authority = createAuthority("strata test authority");
let root: TemporaryRoot;
let one: TestRegistry;
let two: TestRegistry;
let layout: string;

beforeAll(async () => {
  root = temporaryRoot();
  const start = async (user: string): Promise<TestRegistry> => {
    const folder = at(user);
    mkdirSync(folder);
    writeFileSync(join(folder, "htpasswd"), `${user}:${hashSync("secret", 4)}\n`);
    const pair = issueCertificate(authority, { commonName: "127.0.0.1", names: ["127.0.0.1"], usage: "server" });
    return await startRegistry({ htpasswd: join(folder, "htpasswd"), tls: certificateFiles(folder, pair), logFormat: "none" });
  };
  [one, two] = [await start("ann"), await start("bob")];
  layout = `oci:${at("layout")}:v1`;
  await writeLayout(at("layout"), ["amd64", "arm64"]);
  mkdirSync(at("certs"));
  writeFileSync(at("certs/ca.crt"), authority.certificate);
  await strataOutput(root, "copy", "-q", "--all", "--dest-creds", "ann:secret", "--dest-tls-verify=false", layout, `docker://${one.host}/team/app:v1`);
});
afterAll(async () => {
  for (const registry of [one, two]) await registry[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

function at(name: string): string {
  return join(root.root, "..", name);
}

const creds = { src: ["--src-creds", "ann:secret"], dest: ["--dest-creds", "bob:secret"] };
const trust = { src: ["--src-tls-verify=false"], dest: ["--dest-cert-dir", "CERTS"] };
test.each([
  { name: "both ends as they want it", flags: [...creds.src, ...creds.dest, ...trust.src, ...trust.dest], says: "" },
  { name: "no credentials of the source", flags: [...creds.dest, ...trust.src, ...trust.dest], says: "strata login" },
  { name: "no credentials of the destination", flags: [...creds.src, ...trust.src, ...trust.dest], says: "strata login" },
  { name: "those of the other end", flags: ["--src-creds", "bob:secret", ...creds.dest, ...trust.src, ...trust.dest], says: "Cannot" },
  { name: "no trust in the source", flags: [...creds.src, ...creds.dest, ...trust.dest], says: "certificate" },
  { name: "no trust in the destination", flags: [...creds.src, ...creds.dest, ...trust.src], says: "certificate" },
])("copy with $name", async ({ flags, says }) => {
  const given = flags.map((flag) => (flag === "CERTS" ? at("certs") : flag));
  const outcome = await runStrata(root, ["copy", "-q", ...given, `docker://${one.host}/team/app:v1`, `docker://${two.host}/team/app:v1`]);
  expect([outcome.status, outcome.stderr]).toEqual(says === "" ? [0, ""] : [1, expect.stringContaining(says)]);
});

test("logins are kept in the files that are named, for each end or for both, and skopeo reads them", { timeout: 300_000 }, async () => {
  const login = async (user: string, host: string, file: string): Promise<void> =>
    expect(
      await runStrata(root, ["login", "-u", user, "--password-stdin", "--cert-dir", at("certs"), "--authfile", at(file), host], { input: "secret" }),
    ).toMatchObject({ status: 0, stderr: `Kept in ${at(file)}\n` });
  await login("ann", one.host, "ann.json");
  await login("bob", two.host, "bob.json");
  await login("ann", one.host, "both.json");
  await login("bob", two.host, "both.json");
  expect([statSync(at("ann.json")).mode & 0o777, existsSync(at("home/.docker/config.json"))]).toEqual([0o600, false]);
  const copy = async (tag: string, ...flags: readonly string[]): Promise<number> => {
    const verify = ["--src-cert-dir", at("certs"), "--dest-cert-dir", at("certs")];
    return (await runStrata(root, ["copy", "-q", ...verify, ...flags, `docker://${one.host}/team/app:v1`, `docker://${two.host}/team/app:${tag}`])).status;
  };
  expect(await copy("each", "--src-authfile", at("ann.json"), "--dest-authfile", at("bob.json"))).toBe(0);
  expect(await copy("both", "--authfile", at("both.json"))).toBe(0);
  expect(await copy("half", "--authfile", at("ann.json"))).toBe(1);
  expect(await copy("none", "--authfile", at("missing.json"))).toBe(2);
  const { stdout } = await run("skopeo", ["list-tags", "--authfile", at("both.json"), "--cert-dir", at("certs"), `docker://${two.host}/team/app`]);
  expect((JSON.parse(stdout) as { Tags: readonly string[] }).Tags).toEqual(expect.arrayContaining(["both", "each"]));
  const named = ["--authfile", at("both.json"), "--cert-dir", at("certs")];
  expect(await strataOutput(root, "registry", "ls", ...named, two.host)).toBe("team/app");
  expect(await strataOutput(root, "registry", "tags", ...named, `${two.host}/team/app`)).toContain("both");
  expect(await strataOutput(root, "logout", "--authfile", at("both.json"), two.host)).toContain("Removing login credentials");
  expect(Object.keys((JSON.parse(readFileSync(at("both.json"), "utf8")) as { auths: object }).auths)).toEqual([one.host]);
  expect(await copy("gone", "--authfile", at("both.json"))).toBe(1);
});

test.each([
  { name: "this machine's", flags: ["--multi-arch", "system", "--platform", "linux/arm64"], type: MEDIA_TYPE.manifest, children: [] },
  { name: "all", flags: ["--multi-arch=all", "--preserve-digests"], type: MEDIA_TYPE.index, children: [200, 200] },
  { name: "only the list", flags: ["--multi-arch", "index-only"], type: MEDIA_TYPE.index, children: [404, 404] },
])("of several platforms $name", async ({ name, flags, type, children }) => {
  await using open = await startRegistry({ logFormat: "none" });
  const place = `${open.host}/parts/${name.replaceAll(/\W/g, "")}`;
  const digest = await strataOutput(root, "copy", "-q", ...flags, layout, `docker://${place}:v1`);
  const base = `${open.url}/v2/${place.slice(open.host.length + 1)}/manifests/`;
  const got = await fetch(base + digest);
  expect([got.status, got.headers.get("content-type")]).toEqual([200, type]);
  const { manifests = [] } = (await got.json()) as { readonly manifests?: readonly { readonly digest: string }[] };
  expect(await Promise.all(manifests.map(async (part) => (await fetch(base + part.digest, { method: "HEAD" })).status))).toEqual(children);
});

test.each([
  { flags: ["--all", "--multi-arch", "system"], says: "--all and --multi-arch system exclude each other" },
  { flags: ["--platform", "linux/arm64", "--multi-arch", "all"], says: "--platform and --multi-arch all exclude each other" },
  { flags: ["-a", "--platform", "linux/arm64"], says: "--platform and --all exclude each other" },
  { flags: ["--multi-arch", "some"], says: "Allowed choices are system, all, index-only" },
  { flags: ["--src-creds", "ann"], says: "--src-creds needs USER:PASSWORD" },
  { flags: ["--dest-tls-verify=maybe"], says: 'invalid argument "maybe" for "--dest-tls-verify" flag: it is true or false' },
])("$flags is refused as wrong use", async ({ flags, says }) => {
  expect(await runStrata(root, ["copy", ...flags, layout, `dir:${at("never")}`])).toMatchObject({ status: 2, stderr: expect.stringContaining(says) });
});

test.each([
  { times: "0", asked: 1, status: 1 },
  { times: "2", asked: 3, status: 0 },
])("a source that fails twice is asked $asked times with --retry-times $times", async ({ times, asked, status }) => {
  const config = blob("{}", MEDIA_TYPE.config);
  const manifest = manifestOf(config, []);
  let count = 0;
  await using flaky = await serveHttp((request, response) => {
    if (request.url === "/v2/") return void response.end("{}");
    if (request.url?.includes("/manifests/") !== true) return void response.end(config.bytes);
    if (request.url.endsWith("/v1")) count++;
    response.writeHead(count < 3 ? 503 : 200, { "content-type": MEDIA_TYPE.manifest }).end(count < 3 ? "" : manifest.bytes);
  });
  const to = `oci:${at(`retried-${times}`)}`;
  const outcome = await runStrata(root, ["copy", "-q", "--no-referrers", "--retry-times", times, `docker://127.0.0.1:${flaky.port}/app:v1`, to]);
  expect([outcome.status, count]).toEqual([status, asked]);
});

test("what is no number of retries is refused", async () => {
  expect(await runStrata(root, ["copy", "--retry-times", "-1", layout, "dir:/none"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("--retry-times"),
  });
});
