/** Pages: who may see what. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { describe, expect, test } from "vitest";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { temporaryRoot } from "../support/root.ts";
import { blob, manifestOf, pushBlob, putManifest, startRegistry, unknownDigest } from "./registry.ts";
import { layerOf } from "./shown-image.ts";
import { get, registry } from "./shown-pages.ts";

describe("who may see what", () => {
  const policy = `
rules:
  - { users: [ann], repositories: ["team/*"], actions: [pull] }
  - { users: [anonymous, "*"], repositories: ["public/*"], actions: [pull] }
  - { users: [root], repositories: ["**"], actions: ["*"] }
`;
  const basic = (user: string): Record<string, string> => ({ authorization: `Basic ${Buffer.from(`${user}:${user}-secret`).toString("base64")}` });

  test("pages follow the policy, ask browsers for a password, and tell nobody what is there", async () => {
    using scratch = temporaryRoot();
    const [htpasswd, file] = [join(scratch.root, "htpasswd"), join(scratch.root, "policy.yaml")];
    writeFileSync(htpasswd, ["ann", "root"].map((name) => `${name}:${hashSync(`${name}-secret`, 4)}\n`).join(""));
    writeFileSync(file, policy);
    await using closed = await startRegistry({ htpasswd, policy: file, logFormat: "none" });
    const pushed = async (name: string): Promise<void> => {
      const config = blob("{}", MEDIA_TYPE.config);
      const headers = { ...basic("root"), "content-type": MEDIA_TYPE.manifest };
      await fetch(`${closed.url}/v2/${name}/blobs/uploads/?digest=${config.descriptor.digest}`, { method: "POST", headers: basic("root"), body: "{}" });
      expect(
        (await fetch(`${closed.url}/v2/${name}/manifests/v1`, { method: "PUT", headers, body: new Uint8Array(manifestOf(config, []).bytes) })).status,
      ).toBe(201);
    };
    for (const name of ["public/tool", "team/app", "secret/plan"]) await pushed(name);
    const see = async (path: string, headers = {}): Promise<readonly [number, string | null]> => {
      const reply = await get(path, headers, closed);
      return [reply.status, reply.headers.get("www-authenticate")];
    };
    const challenge = 'Basic realm="strata registry",charset="UTF-8"';
    expect(await see("/ui/public/tool:v1")).toEqual([200, null]);
    for (const path of ["/ui/team/app", "/ui/team/app:v1", "/ui/secret/plan:v1/-/layer?n=1", "/ui/no/such", "/login"])
      expect([path, await see(path)]).toEqual([path, [401, challenge]]);
    for (const path of ["/ui/team/app", "/ui/public/tool"]) expect(await see(path, basic("ann"))).toEqual([200, null]);
    for (const path of ["/ui/secret/plan", "/ui/secret/none"]) expect(await see(path, basic("ann"))).toEqual([403, null]);
    expect((await get("/login", basic("ann"), closed)).headers.get("location")).toBe("/ui/");
    const names = async (headers = {}): Promise<readonly (string | undefined)[]> =>
      [...(await (await get("/", headers, closed)).text()).matchAll(/<a href="\/ui\/([^"]+)">/g)].map(([, name]) => name);
    expect([await names(), await names(basic("ann")), await names(basic("root"))]).toEqual([
      ["public/tool"],
      ["public/tool", "team/app"],
      ["public/tool", "secret/plan", "team/app"],
    ]);
    expect((await fetch(`${closed.url}/v2/team/app/tags/list`)).headers.get("www-authenticate")).toMatch(/^Bearer/);
  });

  test("the files of a layer are not shown through a repository that does not hold it", async () => {
    const { layer } = await layerOf({ secret: "x" });
    await pushBlob(registry, "holder", layer);
    const config = blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [unknownDigest()] } }), MEDIA_TYPE.config);
    await pushBlob(registry, "thief", config);
    const foreign = { ...layer, descriptor: { ...layer.descriptor, urls: ["https://example.com/layer"] } };
    expect((await putManifest(registry, "thief", "v1", manifestOf(config, [foreign]))).status).toBe(201);
    expect((await get("/ui/thief:v1")).status).toBe(200);
    expect((await get("/ui/thief:v1/-/layer?n=1")).status).toBe(404);
    expect((await get(`/ui/thief:v1/-/file?digest=${layer.descriptor.digest}`)).status).toBe(404);
  });
});
