/** The uploads that are in the bucket, whichever server they came to. */
import { inTurns, type Bucket, type ListedObject } from "./bucket.ts";
import { UPLOADS } from "./keys.ts";

export interface ListedUpload {
  readonly id: string;
  readonly objects: readonly ListedObject[];
  /** Of what was written last; milliseconds since the epoch, by the service's clock. */
  readonly modifiedAt: number;
}

const REMOVALS = 16;

export async function* uploadsOf(bucket: Bucket): AsyncGenerator<ListedUpload> {
  let id = "";
  let objects: ListedObject[] = [];
  const upload = (): ListedUpload => ({ id, objects, modifiedAt: Math.max(...objects.map(({ modifiedAt }) => modifiedAt)) });
  for await (const object of bucket.list(UPLOADS)) {
    const next = object.key.slice(UPLOADS.length).split("/")[0] ?? "";
    if (next !== id && objects.length > 0) yield upload();
    if (next !== id) objects = [];
    id = next;
    objects.push(object);
  }
  if (objects.length > 0) yield upload();
}

export async function removeUpload(bucket: Bucket, objects: readonly Pick<ListedObject, "key">[]): Promise<void> {
  await inTurns(objects, REMOVALS, async ({ key }) => await bucket.remove(key));
}
