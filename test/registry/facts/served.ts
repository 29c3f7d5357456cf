/**
 * The registry that the rows of facts are shown on: whoever imports this gets one that listens, with `base/image` in it, for the file's tests.
 * It must end without having reported a bug.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect } from "vitest";
import { MEDIA_TYPE } from "../../../store/oci.ts";
import { blob, noise, pushBlob, pushImage, startRegistry, type TestBlob, type TestRegistry } from "../registry.ts";

export let registry: TestRegistry;
export const layer = blob(noise(1_000));
export const config = blob("{}", MEDIA_TYPE.config);

beforeAll(async () => {
  registry = await startRegistry({ logFormat: "none" });
  for (const part of [layer, config]) await pushBlob(registry, "base/image", part);
  await pushImage(registry, "base/image", "v1");
});
afterAll(async () => {
  expect(registry.lines).toEqual([]);
  await registry[Symbol.asyncDispose]();
});

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array | string;
}

export async function call(path: string, { method = "GET", headers = {}, body }: Sent = {}): Promise<Response> {
  return await fetch(new URL(path, registry.url), {
    method,
    headers,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : new Uint8Array(body) }),
  });
}

export async function errorCode(reply: Response): Promise<string | undefined> {
  return ((await reply.json()) as { errors: readonly { code: string }[] }).errors[0]?.code;
}

export async function session(name = "base/image", query = ""): Promise<string> {
  const reply = await call(`/v2/${name}/blobs/uploads/${query}`, { method: "POST" });
  expect(reply.status).toBe(202);
  expect(reply.headers.get("range")).toMatch(/^0-/);
  return reply.headers.get("location") ?? "";
}

export async function patch(location: string, bytes: Buffer, range?: string): Promise<Response> {
  return await call(location, {
    method: "PATCH",
    body: bytes,
    headers: { "content-type": "application/octet-stream", ...(range === undefined ? {} : { "content-range": range }) },
  });
}

export async function isHere(name: string, { bytes, descriptor }: TestBlob, digest: string = descriptor.digest): Promise<void> {
  const reply = await call(`/v2/${name}/blobs/${digest}`);
  expect(reply.status).toBe(200);
  expect(reply.headers.get("docker-content-digest")).toBe(digest);
  expect(Buffer.from(await reply.arrayBuffer()).equals(bytes)).toBe(true);
}
export const sha512 = (bytes: Buffer): string => `sha512:${createHash("sha512").update(bytes).digest("hex")}`;

export const index = (manifests: readonly TestBlob[], more: Record<string, unknown> = {}): TestBlob =>
  blob(
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: manifests.map(({ descriptor }) => descriptor), ...more }),
    (more["mediaType"] as string | undefined) ?? MEDIA_TYPE.index,
  );
