/** What tests of a bucket look at: its keys, and that a blob comes back whole. */
import { expect } from "vitest";
import type { BucketStorage } from "../../registry/s3/open.ts";
import type { TestBlob } from "./registry.ts";

export async function keysOf({ bucket }: BucketStorage, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of bucket.list(prefix)) keys.push(key);
  return keys;
}

export async function isHere(url: string, name: string, { descriptor, bytes }: TestBlob, digest: string = descriptor.digest): Promise<void> {
  const reply = await fetch(`${url}/v2/${name}/blobs/${digest}`);
  expect(reply.status).toBe(200);
  expect(Buffer.from(await reply.arrayBuffer()).equals(bytes)).toBe(true);
}
