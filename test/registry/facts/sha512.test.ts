/** Blob upload, Pull, Manifests: sha512 from end to end. */
import { expect, test } from "vitest";
import { type Digest } from "../../../store/digest.ts";
import { MEDIA_TYPE } from "../../../store/oci.ts";
import { blob, manifestOf, noise, pushBlob, putManifest, type TestBlob } from "../registry.ts";
import { registry, config, sha512, index, call, errorCode, session, patch, isHere } from "./served.ts";

const uploads: readonly { readonly name: string; readonly run: () => Promise<void> }[] = [
  {
    name: "sha512 in one POST, in chunks, in ranges and deleted",
    run: async () => {
      const content = blob(noise(2_000, 16));
      const digest = sha512(content.bytes);
      expect((await call(`/v2/five/twelve/blobs/uploads/?digest=${digest}`, { method: "POST", body: content.bytes })).status).toBe(201);
      const location = await session("five/chunks");
      await patch(location, content.bytes.subarray(0, 1_000), "0-999");
      const last = await call(`${location}?digest=${digest}`, { method: "PUT", body: content.bytes.subarray(1_000) });
      expect([last.status, last.headers.get("location")]).toEqual([201, `/v2/five/chunks/blobs/${digest}`]);
      const part = await call(`/v2/five/chunks/blobs/${digest}`, { headers: { range: "bytes=10-19" } });
      expect([part.status, part.headers.get("docker-content-digest")]).toEqual([206, digest]);
      expect(Buffer.from(await part.arrayBuffer()).equals(content.bytes.subarray(10, 20))).toBe(true);
      const head = await call(`/v2/five/chunks/blobs/${digest}`, { method: "HEAD" });
      expect([head.status, head.headers.get("docker-content-digest")]).toEqual([200, digest]);
      expect((await call(`/v2/five/chunks/blobs/${digest}`, { method: "DELETE" })).status).toBe(202);
      const wrong = await call(`/v2/five/twelve/blobs/uploads/?digest=${sha512(Buffer.from("else"))}`, { method: "POST", body: content.bytes });
      expect([wrong.status, await errorCode(wrong)]).toEqual([400, "DIGEST_INVALID"]);
    },
  },
  {
    name: "sha512 manifests of sha512 layers are tagged, referred to, indexed and deleted",
    run: async () => {
      const [own, base] = [blob(noise(1_000, 17)), blob("{}", MEDIA_TYPE.config)];
      const as512 = (part: TestBlob): TestBlob => ({ ...part, descriptor: { ...part.descriptor, digest: sha512(part.bytes) as Digest } });
      for (const part of [own, base].map(as512)) expect((await pushBlob(registry, "five/all", part)).status).toBe(201);
      const manifest = as512(manifestOf(as512(base), [as512(own)]));
      const { digest } = manifest.descriptor;
      const put = await putManifest(registry, "five/all", `${digest}?tag=v1`, manifest);
      expect([put.status, put.headers.get("docker-content-digest"), put.headers.get("oci-tag")]).toEqual([201, digest, "v1"]);
      const signature = manifestOf(as512(base), [], { subject: manifest.descriptor });
      expect((await putManifest(registry, "five/all", "sig", signature)).headers.get("oci-subject")).toBe(digest);
      const referrers = (await (await call(`/v2/five/all/referrers/${digest}`)).json()) as { manifests: readonly { digest: string }[] };
      expect(referrers.manifests.map((entry) => entry.digest)).toEqual([signature.descriptor.digest]);
      expect((await putManifest(registry, "five/all", "list", index([manifest]))).status).toBe(201);
      const got = await call("/v2/five/all/manifests/v1");
      expect([got.headers.get("docker-content-digest"), sha512(Buffer.from(await got.arrayBuffer()))]).toEqual([digest, digest]);
      expect((await call(`/v2/five/all/manifests/${digest}`, { method: "DELETE" })).status).toBe(202);
      expect((await call("/v2/five/all/manifests/v1", { method: "HEAD" })).status).toBe(404);
    },
  },
  {
    name: "sha512, from blob to manifest",
    run: async () => {
      const content = blob(noise(2_000, 8));
      const digest = sha512(content.bytes);
      expect((await call(`${await session()}?digest=${digest}`, { method: "PUT", body: content.bytes })).status).toBe(201);
      await isHere("base/image", content, digest);
      expect((await call(`/v2/mounted/here/blobs/uploads/?mount=${digest}&from=base/image`, { method: "POST" })).status).toBe(201);
      const manifest = manifestOf(config, []);
      const put = await putManifest(registry, "base/image", sha512(manifest.bytes), manifest);
      expect([put.status, put.headers.get("docker-content-digest")]).toEqual([201, sha512(manifest.bytes)]);
      expect((await call(`/v2/base/image/manifests/${sha512(manifest.bytes)}`)).headers.get("docker-content-digest")).toBe(sha512(manifest.bytes));
    },
  },
];
test.each(uploads)("Blob upload: $name", async ({ run }) => {
  await run();
});
