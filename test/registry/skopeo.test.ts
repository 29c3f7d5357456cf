/** skopeo and podman against the registry: what goes in comes out, digest for digest. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { hashSync } from "bcryptjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { podmanStore } from "../support/podman.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { writeLayout } from "./image.ts";
import { certificateFiles, startRegistry } from "./registry.ts";

const run = promisify(execFile);
let scratch: TemporaryRoot;
beforeEach(() => void (scratch = temporaryRoot()));
afterEach(() => scratch[Symbol.dispose]());

/** Digest of the tag `v1` in a layout. */
function digestIn(folder: string): string {
  const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8")) as { manifests: readonly { digest: string }[] };
  return index.manifests[0]?.digest ?? "";
}

async function skopeo(...args: readonly string[]): Promise<string> {
  return (await run("skopeo", args, { env: { ...process.env, REGISTRY_AUTH_FILE: join(scratch.root, "auth.json") } })).stdout.trim();
}

test.each([
  { name: "one image", architectures: ["amd64"], flags: [] },
  { name: "images of all platforms", architectures: ["amd64", "arm64"], flags: ["--all"] },
])("skopeo copies $name in and out with the same digest", async ({ architectures, flags }) => {
  await using registry = await startRegistry({ logFormat: "none" });
  const [from, to] = [join(scratch.root, "from"), join(scratch.root, "to")];
  const { digest } = await writeLayout(from, architectures);
  const remote = `docker://${registry.host}/skopeo/image:v1`;
  await skopeo("copy", "--dest-tls-verify=false", ...flags, `oci:${from}:v1`, remote);
  await skopeo("copy", "--src-tls-verify=false", ...flags, remote, `oci:${to}:v1`);
  expect(digestIn(to)).toBe(digest);
  expect(JSON.parse(await skopeo("list-tags", "--tls-verify=false", `docker://${registry.host}/skopeo/image`))).toMatchObject({ Tags: ["v1"] });
  await skopeo("delete", "--tls-verify=false", remote);
  await expect(skopeo("inspect", "--tls-verify=false", remote)).rejects.toThrow(/unknown|404|manifest/i);
  expect(registry.lines).toEqual([]);
});

test("skopeo pushes Docker schema 2, and mounts between repositories", async () => {
  await using registry = await startRegistry();
  const from = join(scratch.root, "from");
  await writeLayout(from, ["amd64"]);
  await skopeo("copy", "--dest-tls-verify=false", "--format", "v2s2", `oci:${from}:v1`, `docker://${registry.host}/one/image:v1`);
  const manifest = JSON.parse(await skopeo("inspect", "--raw", "--tls-verify=false", `docker://${registry.host}/one/image:v1`)) as { mediaType: string };
  expect(manifest.mediaType).toBe("application/vnd.docker.distribution.manifest.v2+json");
  await skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", `docker://${registry.host}/one/image:v1`, `docker://${registry.host}/two/image:v1`);
  expect(JSON.parse(await skopeo("inspect", "--tls-verify=false", `docker://${registry.host}/two/image:v1`))).toMatchObject({ Architecture: "amd64" });
});

test("skopeo over TLS with a password: let in with it, kept out without", async () => {
  const authority = createAuthority("strata test authority");
  const server = issueCertificate(authority, { commonName: "registry", names: ["127.0.0.1", "localhost"], usage: "server" });
  const htpasswd = join(scratch.root, "htpasswd");
  writeFileSync(htpasswd, `ann:${hashSync("s:ecret", 4)}\n`);
  writeFileSync(join(scratch.root, "ca.crt"), authority.certificate);
  await using registry = await startRegistry({ tls: certificateFiles(scratch.root, server), htpasswd });
  const [from, to] = [join(scratch.root, "from"), join(scratch.root, "to")];
  const { digest } = await writeLayout(from, ["amd64"]);
  const remote = `docker://localhost:${registry.host.split(":")[1]}/tls/image:v1`;
  const trust = (end: string): readonly string[] => [`--${end}-cert-dir`, scratch.root];
  await expect(skopeo("copy", ...trust("dest"), `oci:${from}:v1`, remote)).rejects.toThrow(/authentication required|unauthorized/i);
  await expect(skopeo("copy", ...trust("dest"), "--dest-creds", "ann:wrong", `oci:${from}:v1`, remote)).rejects.toThrow();
  await expect(skopeo("copy", "--dest-creds", "ann:s:ecret", `oci:${from}:v1`, remote)).rejects.toThrow(/certificate/);
  await skopeo("copy", ...trust("dest"), "--dest-creds", "ann:s:ecret", `oci:${from}:v1`, remote);
  await skopeo("copy", ...trust("src"), "--src-creds", "ann:s:ecret", remote, `oci:${to}:v1`);
  expect(digestIn(to)).toBe(digest);
});

test("podman pulls and pushes", async () => {
  await using registry = await startRegistry({ logFormat: "none" });
  const from = join(scratch.root, "from");
  await writeLayout(from, ["amd64"]);
  await skopeo("copy", "--dest-tls-verify=false", `oci:${from}:v1`, `docker://${registry.host}/podman/in:v1`);
  const podman = async (...args: readonly string[]): Promise<string> => (await run("podman", [...podmanStore(scratch.root), ...args])).stdout.trim();
  const id = await podman("pull", "-q", "--tls-verify=false", `${registry.host}/podman/in:v1`);
  await podman("push", "--tls-verify=false", id, `${registry.host}/podman/out:v1`);
  const [before, after] = await Promise.all(
    ["in", "out"].map(
      async (name) => JSON.parse(await skopeo("inspect", "--config", "--tls-verify=false", `docker://${registry.host}/podman/${name}:v1`)) as unknown,
    ),
  );
  expect(after).toEqual(before);
  await podman("rmi", "--all");
  expect(registry.lines).toEqual([]);
}, 300_000);
