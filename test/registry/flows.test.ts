/** What podman and skopeo do step by step with images of several platforms: assembled in the registry, pushed whole, taken apart. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { podmanStore } from "../support/podman.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { writeLayout } from "./image.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";

const run = promisify(execFile);
let scratch: TemporaryRoot;
let registry: TestRegistry;
beforeEach(async () => {
  scratch = temporaryRoot();
  registry = await startRegistry({ logFormat: "none" });
});
afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

async function podman(...args: readonly string[]): Promise<string> {
  return (await run("podman", [...podmanStore(scratch.root), ...args])).stdout.trim();
}

async function skopeo(...args: readonly string[]): Promise<string> {
  return (await run("skopeo", args)).stdout.trim();
}

interface Listed {
  readonly manifests: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[];
}

async function listed(reference: string): Promise<Listed["manifests"]> {
  return (JSON.parse(await skopeo("inspect", "--raw", "--tls-verify=false", `docker://${registry.host}/${reference}`)) as Listed).manifests;
}

test("podman manifest: made of images that are here, pushed as one, inspected, and deleted image by image", async () => {
  for (const architecture of ["amd64", "arm64"]) {
    const from = join(scratch.root, architecture);
    await writeLayout(from, [architecture]);
    await skopeo("copy", "--dest-tls-verify=false", `oci:${from}:v1`, `docker://${registry.host}/app:${architecture}`);
  }
  await podman("manifest", "create", "list");
  for (const architecture of ["amd64", "arm64"]) await podman("manifest", "add", "--tls-verify=false", "list", `docker://${registry.host}/app:${architecture}`);
  await podman("manifest", "push", "--all", "--tls-verify=false", "list", `docker://${registry.host}/made/app:v1`);
  const images = await listed("made/app:v1");
  expect(images.map(({ platform }) => platform.architecture).toSorted()).toEqual(["amd64", "arm64"]);
  expect(await podman("pull", "-q", "--tls-verify=false", "--arch", "arm64", `${registry.host}/made/app:v1`)).toMatch(/^[0-9a-f]{64}$/);
  await skopeo("delete", "--tls-verify=false", `docker://${registry.host}/made/app@${images[0]!.digest}`);
  expect(await listed("made/app:v1")).toEqual(images);
  await expect(skopeo("inspect", "--raw", "--tls-verify=false", `docker://${registry.host}/made/app@${images[0]!.digest}`)).rejects.toThrow("manifest unknown");
  await skopeo("delete", "--tls-verify=false", `docker://${registry.host}/made/app:v1`);
  expect((await fetch(`${registry.url}/v2/made/app/manifests/${images[1]!.digest}`, { method: "HEAD" })).status).toBe(200);
  expect(registry.lines).toEqual([]);
}, 300_000);
