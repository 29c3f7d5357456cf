/** A bucket of an S3 service as the registry's storage. Any number of servers may work on one. */
import { RegistryError } from "../errors.ts";
import type { Storage } from "../storage.ts";
import { QUIET_MS } from "./beat.ts";
import { openBlobs } from "./blobs.ts";
import { openBucket, type Bucket } from "./bucket.ts";
import { readRegion } from "./credentials.ts";
import { openExchange } from "./exchange.ts";
import { openIngests } from "./ingests.ts";
import { openKeyRing } from "./key-ring.ts";
import { parseLocation } from "./location.ts";
import { openUploadMemory } from "./upload-memory.ts";
import { isKept } from "./sweep.ts";
import { openTable, type KeptValues } from "./table.ts";

export interface BucketStorage extends Storage, AsyncDisposable {
  readonly bucket: Bucket;
}

export interface OpenBucketOptions {
  /** `s3://BUCKET/PREFIX?…` */
  readonly location: string;
  readonly env: NodeJS.ProcessEnv;
  /** @default 30_000 */
  readonly idleMs?: number;
  /** @default 5 */
  readonly attempts?: number;
  /** Milliseconds: an upload whose last sign is younger is not removed. @default 600_000 */
  readonly quietMs?: number;
}

/** @throws {RegistryError} `REFERENCE_INVALID`, `CREDENTIALS_UNAVAILABLE`, `STORAGE_FAILED` when the bucket cannot be listed */
export async function openBucketStorage({ location: text, env, idleMs = 30_000, attempts = 5, quietMs = QUIET_MS }: OpenBucketOptions): Promise<BucketStorage> {
  const location = parseLocation(text, env);
  const [credentials, region] = await Promise.all([openKeyRing({ env, now: () => Date.now() }), location.region ?? readRegion(env)]);
  if (region === undefined && location.endpoint === undefined)
    throw new RegistryError("REFERENCE_INVALID", `Cannot use ${text}: its region is not known`, { hint: "Add ?region=NAME, or set AWS_REGION" });
  const exchange = openExchange({ location: { ...location, region: region ?? "us-east-1" }, credentials, idleMs, attempts, firstRetryMs: 200 });
  const bucket = openBucket(exchange, location);
  try {
    await bucket.page("", undefined, 1);
  } catch (error) {
    await bucket[Symbol.asyncDispose]();
    throw error;
  }
  const kept: KeptValues = new Map();
  const memory = openUploadMemory();
  return {
    bucket,
    blobs: openBlobs(bucket, memory),
    ingests: openIngests({ bucket, memory, quietMs }),
    table: (name) => openTable(bucket, name, kept),
    isKept: async (digest) => await isKept(bucket, digest),
    [Symbol.asyncDispose]: async () => await bucket[Symbol.asyncDispose](),
  };
}
