/** What tests of a bucket begin with, a storage and a registry over it, and what they look at: its keys, and that a blob comes back whole. */
import { expect } from "vitest";
import { openBucketStorage, type BucketStorage, type OpenBucketOptions } from "../../registry/s3/open.ts";
import type { Swift } from "../support/swift.ts";
import { startRegistry, type TestBlob, type TestRegistry } from "./registry.ts";

export interface BucketRegistry extends TestRegistry {
  readonly storage: BucketStorage;
}

export async function openBucket({ env }: Swift, location: string, more: Partial<OpenBucketOptions> = {}): Promise<BucketStorage> {
  return await openBucketStorage({ location, env, ...more });
}

export async function registryOver(swift: Swift, location: string, more: Partial<OpenBucketOptions> = {}): Promise<BucketRegistry> {
  const storage = await openBucket(swift, location, more);
  const registry = await startRegistry({ storage, logFormat: "none" });
  return {
    ...registry,
    storage,
    async [Symbol.asyncDispose](): Promise<void> {
      await registry[Symbol.asyncDispose]();
      await storage[Symbol.asyncDispose]();
    },
  };
}

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
