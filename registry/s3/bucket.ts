/** The objects of a bucket, below its prefix: the operations of S3 that the registry needs, and no others. A written object is whole or absent. */
import { RegistryError } from "../errors.ts";
import { encodeKey, storageError, type S3Answer, type S3Exchange, type S3Request } from "./exchange.ts";
import type { BucketLocation } from "./location.ts";
import { elements, elementText, escapeXml } from "./xml.ts";

export interface ListedObject {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  /** Milliseconds since the epoch, by the service's clock. */
  readonly modifiedAt: number;
}

export interface ObjectPage {
  readonly objects: readonly ListedObject[];
  readonly isTruncated: boolean;
  /** Milliseconds since the epoch, by the service's clock. */
  readonly now: number;
}

export interface ObjectInfo {
  readonly size: number;
  readonly modifiedAt: number;
  readonly now: number;
}

export interface Bucket extends AsyncDisposable {
  stat(key: string): Promise<ObjectInfo | undefined>;
  /** Whole in memory; undefined when there is none. */
  read(key: string): Promise<Buffer | undefined>;
  /** From `start` to before `end`. Undefined when there is none. */
  stream(key: string, range?: { readonly start: number; readonly end: number | undefined }): Promise<S3Answer["body"] | undefined>;
  put(key: string, body: Uint8Array | string): Promise<void>;
  /** False when there is one already. A service that cannot tell writes over it. */
  putNew(key: string, body: string): Promise<boolean>;
  /** Idempotent. */
  remove(key: string): Promise<void>;
  /** Keys in bytewise order. */
  page(prefix: string, after?: string, limit?: number): Promise<ObjectPage>;
  list(prefix: string): AsyncIterable<ListedObject>;
  /** Makes `key` of the objects `from`, in that order, on the service. All but the last are of at least 5 MiB. */
  join(key: string, from: readonly string[]): Promise<void>;
}

/** Parts copied at the same time. */
const COPIES = 8;

export function openBucket(exchange: S3Exchange, location: BucketLocation): Bucket {
  const { prefix, bucket: name } = location;
  const done = async (wanted: S3Request): Promise<S3Answer> => {
    const answer = await exchange.send(wanted);
    await answer.body.dump();
    return answer;
  };
  /** S3 may answer 200 and tell of a failure in the body. */
  const told = async (wanted: S3Request): Promise<string> => {
    const answer = await exchange.send(wanted);
    const text = await answer.body.text();
    if (/<Error[>\s]/.test(text)) throw storageError(wanted.what, name, answer.status, text);
    return text;
  };
  const page: Bucket["page"] = async (start, after, limit = 1000) => {
    const query = {
      "list-type": "2",
      prefix: prefix + start,
      "max-keys": String(Math.min(limit, 1000)),
      ...(after === undefined ? {} : { "start-after": prefix + after }),
    };
    const answer = await exchange.send({ method: "GET", query, what: `list ${start}` });
    const xml = await answer.body.text();
    const objects = elements(xml, "Contents").map((entry) => listed(entry, prefix.length));
    return { objects, isTruncated: elementText(xml, "IsTruncated") === "true", now: clock(answer) };
  };
  return {
    page,
    async stat(key): Promise<ObjectInfo | undefined> {
      const answer = await done({ method: "HEAD", key, expect: [404], what: `look for ${key}` });
      if (answer.status === 404) return undefined;
      const { "content-length": size, "last-modified": modified } = answer.headers;
      return { size: Number(size), modifiedAt: Date.parse(String(modified)), now: clock(answer) };
    },
    async read(key): Promise<Buffer | undefined> {
      const answer = await exchange.send({ method: "GET", key, expect: [404], what: `read ${key}` });
      const bytes = Buffer.from(await answer.body.arrayBuffer());
      return answer.status === 404 ? undefined : bytes;
    },
    async stream(key, range): Promise<S3Answer["body"] | undefined> {
      const headers = range === undefined ? {} : { range: `bytes=${range.start}-${range.end === undefined ? "" : range.end - 1}` };
      const answer = await exchange.send({ method: "GET", key, headers, expect: [404], what: `read ${key}`, isRead: true });
      if (answer.status !== 404) return answer.body;
      await answer.body.dump();
      return undefined;
    },
    async put(key, body): Promise<void> {
      await done({ method: "PUT", key, body, what: `write ${key}` });
    },
    async putNew(key, body): Promise<boolean> {
      const answer = await done({ method: "PUT", key, body, headers: { "if-none-match": "*" }, expect: [409, 412, 501], what: `write ${key}` });
      if (answer.status === 501) await done({ method: "PUT", key, body, what: `write ${key}` });
      return answer.status !== 412 && answer.status !== 409;
    },
    async remove(key): Promise<void> {
      await done({ method: "DELETE", key, expect: [404], what: `remove ${key}` });
    },
    async *list(start): AsyncGenerator<ListedObject> {
      let after: string | undefined;
      for (;;) {
        const { objects, isTruncated } = await page(start, after);
        yield* objects;
        after = objects.at(-1)?.key;
        if (!isTruncated || after === undefined) return;
      }
    },
    async join(key, from): Promise<void> {
      await join(told, location, key, from);
    },
    [Symbol.asyncDispose]: async () => await exchange[Symbol.asyncDispose](),
  };
}

type Told = (wanted: S3Request) => Promise<string>;

async function join(told: Told, { bucket, prefix }: BucketLocation, key: string, from: readonly string[]): Promise<void> {
  const source = (part: string): string => `/${bucket}/${encodeKey(prefix + part)}`;
  const what = `make ${key}`;
  const [only, ...more] = from;
  if (only !== undefined && more.length === 0) {
    await told({ method: "PUT", key, headers: { "x-amz-copy-source": source(only) }, what });
    return;
  }
  const uploadId = elementText(await told({ method: "POST", key, query: { uploads: "" }, what }), "UploadId");
  if (uploadId === undefined) throw new RegistryError("STORAGE_FAILED", `Cannot ${what} in bucket ${bucket}: it gave no upload id`);
  try {
    const etags = await inTurns(from, COPIES, async (part, index) => {
      const query = { partNumber: String(index + 1), uploadId };
      return elementText(await told({ method: "PUT", key, query, headers: { "x-amz-copy-source": source(part) }, what }), "ETag") ?? "";
    });
    const parts = etags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`);
    const body = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join("")}</CompleteMultipartUpload>`;
    await told({ method: "POST", key, query: { uploadId }, headers: { "content-type": "application/xml" }, body, what });
  } catch (error) {
    await told({ method: "DELETE", key, query: { uploadId }, expect: [404], what }).catch(() => undefined); // the first error says more
    throw error;
  }
}

/** `act` on each, at most `width` at a time; results in order. The first failure ends it. */
export async function inTurns<Item, Result>(
  items: readonly Item[],
  width: number,
  act: (item: Item, index: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    for (let at = next++; at < items.length && !failed; at = next++) {
      try {
        results[at] = await act(items[at] as Item, at);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work));
  return results;
}

function listed(entry: string, skip: number): ListedObject {
  const text = (name: string): string => elementText(entry, name) ?? "";
  return { key: text("Key").slice(skip), size: Number(text("Size")), etag: text("ETag"), modifiedAt: Date.parse(text("LastModified")) };
}

function clock({ headers }: S3Answer): number {
  const at = Date.parse(String(headers["date"]));
  return Number.isNaN(at) ? Date.now() : at;
}
