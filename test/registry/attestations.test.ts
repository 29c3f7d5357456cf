/** Attestations on their way: built, pushed, listed, copied, saved, by our commands and read by others. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestOf } from "../../store/digest.ts";
import type { Descriptor, ImageIndex, Manifest } from "../../store/oci.ts";
import { runStrata, serveStrata, strataOutput, type Server } from "../support/cli.ts";
import { startDockerRegistry, type DockerRegistry } from "../support/docker-registry.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

const run = promisify(execFile);
const TITLES = ["provenance.json", "sbom.spdx.json"];
let root: TemporaryRoot;
let server: Server;
let other: DockerRegistry;
const strata = async (...args: readonly string[]): Promise<string> => await strataOutput(root, ...args);
const ours = (): string => server.match[1] ?? "";

beforeAll(async () => {
  root = temporaryRoot();
  server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none"], /listening on (127\.0\.0\.1:\d+)/);
  other = await startDockerRegistry(root.runRoot);
  await build("app:v1", "--sbom=true", "--provenance=mode=max");
});
afterAll(async () => {
  await other[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

function place(name: string): string {
  return join(root.runRoot, name);
}

/** A small Debian image: this machine's own records of packages, and an npm package. */
async function build(name: string, ...flags: readonly string[]): Promise<void> {
  const files = {
    Dockerfile: "FROM scratch\nCOPY status /var/lib/dpkg/status\nCOPY os-release /etc/os-release\nCOPY package.json /app/node_modules/left-pad/\n",
    status: readFileSync("/var/lib/dpkg/status", "utf8"),
    "os-release": readFileSync("/etc/os-release", "utf8"),
    "package.json": '{"name":"left-pad","version":"1.3.0","license":"WTFPL"}',
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place("context"), path)), { recursive: true });
    writeFileSync(join(place("context"), path), text);
  }
  await strata("build", "-q", "-t", name, ...flags, place("context"));
}

interface Row {
  readonly Digest: string;
  readonly Title: string;
}

async function listed(...command: readonly string[]): Promise<readonly string[]> {
  const rows = JSON.parse(await strata(...command, "-o", "json")) as readonly Row[];
  return rows.map(({ Title }) => Title).sort();
}

async function manifestOf(reference: string): Promise<readonly [digest: string, text: string]> {
  const { stdout } = await run("skopeo", ["inspect", "--raw", "--tls-verify=false", `docker://${reference}`]);
  return [digestOf(Buffer.from(stdout)), stdout];
}

async function getJson<Value>(url: string): Promise<Value> {
  const answer = await fetch(url, { headers: { accept: "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json" } });
  expect([url, answer.status]).toEqual([url, 200]);
  return (await answer.json()) as Value;
}

test("the SBOM holds every package of a Debian image, and scanning it later says the same", async () => {
  const sbom = await strata("image", "sbom", "app:v1");
  const { packages } = JSON.parse(sbom) as { packages: readonly { name: string; externalRefs?: readonly { referenceLocator: string }[] }[] };
  const urls = packages.flatMap(({ externalRefs = [] }) => externalRefs.map(({ referenceLocator }) => referenceLocator));
  const { stdout } = await run("dpkg-query", ["-W", "-f", "${db:Status-Status}\n"]);
  expect(urls.filter((url) => url.startsWith("pkg:deb/debian/")).length).toBe(stdout.split("\n").filter((status) => status === "installed").length);
  expect(urls).toContain("pkg:npm/left-pad@1.3.0");
  expect(await strata("image", "sbom", "--scan", "app:v1")).toBe(sbom);
});

test("a push takes them along, naming the digest that the image has in the registry, and the referrers API lists them", async () => {
  await strata("tag", "app:v1", `${ours()}/team/app:v1`);
  expect((await runStrata(root, ["push", `${ours()}/team/app:v1`])).stdout).toContain("sbom.spdx.json: attached as sha256:");
  const [digest] = await manifestOf(`${ours()}/team/app:v1`);
  const { manifests } = await getJson<ImageIndex>(`http://${ours()}/v2/team/app/referrers/${digest}`);
  expect(manifests.map(({ artifactType }) => artifactType)).toEqual(["application/vnd.in-toto+json", "application/vnd.in-toto+json"]);
  for (const referrer of manifests) {
    const manifest = await getJson<Manifest>(`http://${ours()}/v2/team/app/manifests/${referrer.digest}`);
    expect(manifest.subject?.digest).toBe(digest);
    const statement = await getJson<{ subject: readonly { digest: object }[] }>(`http://${ours()}/v2/team/app/blobs/${manifest.layers[0]!.digest}`);
    expect(statement.subject[0]?.digest).toEqual({ sha256: digest.slice("sha256:".length) });
  }
  expect(await listed("registry", "referrers", `${ours()}/team/app:v1`)).toEqual(TITLES);
  await strata("push", "-q", `${ours()}/team/app:v1`);
  expect(await listed("registry", "referrers", `${ours()}/team/app:v1`)).toEqual(TITLES);
  await run("skopeo", ["copy", "-q", "--src-tls-verify=false", `docker://${ours()}/team/app:v1`, `dir:${place("skopeo")}`]);
});

test("a registry without the referrers API gets the tag that stands in for it, which is read again", async () => {
  const name = `${other.host}/team/app:v1`;
  await strata("tag", "app:v1", name);
  await strata("push", "-q", name);
  const [digest] = await manifestOf(name);
  const index = await getJson<ImageIndex>(`http://${other.host}/v2/team/app/manifests/${digest.replace(":", "-")}`);
  expect(index.manifests.map((one: Descriptor) => one.annotations?.["org.opencontainers.image.title"] ?? "").sort()).toEqual(TITLES);
  await strata("push", "-q", name);
  expect((await getJson<ImageIndex>(`http://${other.host}/v2/team/app/manifests/${digest.replace(":", "-")}`)).manifests).toHaveLength(2);
  expect(await listed("registry", "referrers", name)).toEqual(TITLES);
  await strata("copy", "-q", `docker://${name}`, `docker://${ours()}/copied/app:v1`);
  expect(await listed("registry", "referrers", `${ours()}/copied/app:v1`)).toEqual(TITLES);
});

test("copies and archives take them along, unless told not to", async () => {
  await strata("copy", "-q", "store:app:v1", `oci:${place("layout")}:v1`);
  await strata("copy", "-q", `oci:${place("layout")}`, "store:from-layout:v1");
  expect(await listed("image", "referrers", "from-layout:v1")).toEqual(TITLES);
  const { stdout } = await run("skopeo", ["inspect", "--format", "{{.Digest}}", `oci:${place("layout")}:v1`]);
  expect(stdout.trim()).toMatch(/^sha256:/);
  await strata("copy", "-q", `oci:${place("layout")}:v1`, `oci-archive:${place("copied.tar")}:moved:v1`);
  await strata("copy", "-q", "--no-referrers", "store:app:v1", `oci:${place("bare")}:v1`);
  expect((JSON.parse(readFileSync(join(place("bare"), "index.json"), "utf8")) as ImageIndex).manifests).toHaveLength(1);
  using there = temporaryRoot();
  await strataOutput(there, "load", "-i", place("copied.tar"));
  expect((await strataOutput(there, "image", "referrers", "moved:v1")).split("\n")).toHaveLength(3);
  const provenance = JSON.parse(await strataOutput(there, "image", "provenance", "moved:v1")) as { buildDefinition: { externalParameters: object } };
  expect(provenance.buildDefinition.externalParameters).toMatchObject({ configSource: { path: "Dockerfile" } });
});

test("an archive written by the build has them, for the image as it is packed there", async () => {
  await build("other:v1", "--sbom=true", "--output", `type=oci,dest=${place("built.tar")},compression=zstd`);
  using there = temporaryRoot();
  await strataOutput(there, "load", "-i", place("built.tar"));
  const { subject } = JSON.parse(await strataOutput(there, "image", "sbom", "--statement", "other:v1")) as {
    subject: readonly { digest: { sha256: string } }[];
  };
  const [
    {
      Descriptor: { digest },
    },
  ] = JSON.parse(await strataOutput(there, "image", "inspect", "other:v1")) as [{ Descriptor: Descriptor }];
  expect(`sha256:${subject[0]?.digest.sha256}`).toBe(digest);
});

test("beside the files of a local output lie its attestations, but for those that are for images only", async () => {
  await build("files:v1", "--sbom=true", "--provenance=inline-only=true", "--output", `type=local,dest=${place("files")}`);
  const statement = JSON.parse(readFileSync(join(place("files"), "sbom.spdx.json"), "utf8")) as { predicateType: string };
  expect(statement.predicateType).toBe("https://spdx.dev/Document");
  expect(() => readFileSync(join(place("files"), "provenance.json"))).toThrow("ENOENT");
});

test("an image without any is refused with a hint", async () => {
  await build("plain:v1", "--label", "other=image");
  expect(await runStrata(root, ["image", "sbom", "plain:v1"])).toMatchObject({ status: 1, stderr: expect.stringContaining("--sbom=true") as string });
  expect(await runStrata(root, ["image", "provenance", "plain:v1"])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("--provenance=true") as string,
  });
  expect(await listed("image", "referrers", "plain:v1")).toEqual([]);
});
