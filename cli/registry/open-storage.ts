/** What --storage names: a bucket of an S3 service, or without it this root's store. */
import type { BucketStorage } from "../../registry/s3/open.ts";
import type { Storage } from "../../registry/storage.ts";
import type { Context } from "../context.ts";

export const STORAGE_FLAG = [
  "--storage <url>",
  "keep the content in a bucket: s3://BUCKET/PREFIX[?endpoint=URL&region=NAME&path-style=true]; keys as for aws (AWS_ACCESS_KEY_ID, ~/.aws)",
] as const;

export interface OpenedStorage extends AsyncDisposable {
  readonly storage: Storage;
  /** Where no store looks after the bytes. */
  readonly bucket: BucketStorage["bucket"] | undefined;
}

export async function openStorage(context: Context, location: string | undefined): Promise<OpenedStorage> {
  if (location === undefined) {
    const { storeStorage } = await import("../../registry/storage.ts");
    const storage = storeStorage(await context.store());
    return { storage, bucket: undefined, [Symbol.asyncDispose]: async () => await Promise.resolve() };
  }
  const { openBucketStorage } = await import("../../registry/s3/open.ts");
  const opened = await openBucketStorage({ location, env: context.env });
  return { storage: opened, bucket: opened.bucket, [Symbol.asyncDispose]: async () => await opened[Symbol.asyncDispose]() };
}
