/** Copies in the other format: what skopeo and docker's schema make of them, and that the way back is the way there. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import { runStrata, strataOutput } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { writeLayout } from "./image.ts";
import { blob, manifestOf, pushBlob, pushImage, putManifest, startRegistry, type TestRegistry } from "./registry.ts";

const run = promisify(execFile);
let root: TemporaryRoot;
let registry: TestRegistry;
let layout: string;
let top: Descriptor;
beforeAll(async () => {
  root = temporaryRoot();
  registry = await startRegistry({ logFormat: "none" });
  const folder = join(root.root, "../layout");
  top = await writeLayout(folder, ["amd64", "arm64"]);
  layout = `oci:${folder}:v1`;
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

interface Document {
  readonly mediaType: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

async function raw(reference: string): Promise<Document> {
  return JSON.parse((await run("skopeo", ["inspect", "--raw", "--tls-verify=false", `docker://${registry.host}/${reference}`])).stdout) as Document;
}

async function copy(...args: readonly string[]): Promise<string> {
  return await strataOutput(root, "copy", "-q", ...args);
}

test("a list of images becomes Docker's, and OCI's again, whose digest is the first", async () => {
  const there = `docker://${registry.host}/there:v1`;
  const digest = await copy("--all", "--format", "v2s2", layout, there);
  const list = await raw("there:v1");
  expect([list.mediaType, list.manifests?.map(({ mediaType }) => mediaType)]).toEqual([MEDIA_TYPE.dockerIndex, Array(2).fill(MEDIA_TYPE.dockerManifest)]);
  for (const { digest: child } of list.manifests ?? []) {
    const { mediaType, config, layers } = await raw(`there@${child}`);
    expect([mediaType, config?.mediaType, layers?.map((layer) => layer.mediaType)]).toEqual([
      MEDIA_TYPE.dockerManifest,
      MEDIA_TYPE.dockerConfig,
      [MEDIA_TYPE.dockerLayer],
    ]);
  }
  expect(digest).not.toBe(top.digest);
  expect(await copy("--all", "-f", "v2s2", there, `docker://${registry.host}/same:v1`)).toBe(digest);
  expect(await copy("--all", "-f", "oci", there, `docker://${registry.host}/back:v1`)).toBe(top.digest);
});

test("one platform is chosen before, and runs through skopeo both ways", async () => {
  const digest = await copy("--format", "v2s2", "--platform", "linux/arm64", layout, `docker://${registry.host}/one:v1`);
  expect((await raw("one:v1")).mediaType).toBe(MEDIA_TYPE.dockerManifest);
  const { stdout } = await run("skopeo", ["inspect", "--tls-verify=false", `docker://${registry.host}/one:v1`]);
  expect(JSON.parse(stdout)).toMatchObject({ Architecture: "arm64", Digest: digest });
});

test("what has no words in the other format, or may not change, is refused before anything is written", async () => {
  const [config, part] = [blob("{}", MEDIA_TYPE.empty), blob("data", "text/plain")];
  for (const each of [config, part]) await pushBlob(registry, "artifact", each);
  expect((await putManifest(registry, "artifact", "v1", manifestOf(config, [part], { artifactType: "application/x" }))).status).toBe(201);
  const never = `docker://${registry.host}/never:v1`;
  expect(await runStrata(root, ["copy", "-q", "--format", "v2s2", `docker://${registry.host}/artifact:v1`, never])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(`v2s2 has no word for its ${MEDIA_TYPE.empty}`),
  });
  expect(await runStrata(root, ["copy", "-q", "--all", "--format", "v2s2", "--preserve-digests", layout, never])).toMatchObject({ status: 2 });
  expect(await runStrata(root, ["copy", "-q", "--multi-arch", "index-only", "--format", "oci", layout, never])).toMatchObject({ status: 2 });
  expect((await fetch(`${registry.url}/v2/never/tags/list`)).status).toBe(404);
});

test("what is attached stays with an image that keeps its digest, and behind when it does not", async () => {
  const image = await pushImage(registry, "signed", "v1");
  expect((await putManifest(registry, "signed", "sig", manifestOf(blob("{}", MEDIA_TYPE.config), [], { subject: image.descriptor }))).status).toBe(400);
  const config = blob("{}", MEDIA_TYPE.config);
  await pushBlob(registry, "signed", config);
  expect((await putManifest(registry, "signed", "sig", manifestOf(config, [], { subject: image.descriptor }))).status).toBe(201);
  const attached = async (name: string, format: string): Promise<number> => {
    const digest = await copy("-f", format, `docker://${registry.host}/signed:v1`, `docker://${registry.host}/${name}:v1`);
    const reply = await fetch(`${registry.url}/v2/${name}/referrers/${digest}`);
    return ((await reply.json()) as { manifests: readonly unknown[] }).manifests.length;
  };
  expect([await attached("kept", "oci"), await attached("left", "v2s2")]).toEqual([1, 0]);
});
