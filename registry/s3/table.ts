/** Records as small objects, one each: JSON, written whole. Values that were read are kept by their entity tag, so that a list costs little the second time. */
import { setTimeout as sleep } from "node:timers/promises";
import { RegistryError } from "../errors.ts";
import type { KeyPage } from "../../store/tables.ts";
import type { Records } from "../storage.ts";
import { inTurns, type Bucket, type ListedObject } from "./bucket.ts";
import { MARKS, tablePrefix } from "./keys.ts";
import { MARK_MS, newMark, unmarked } from "./marks.ts";

/** Values kept, of all tables. */
const MAX_KEPT = 20_000;
const READS = 16;
/** No key is longer; what comes after one that is may begin a little earlier. */
const MAX_AFTER_CHARS = 600;
/** A service without conditional writes lets two first writers both succeed; after this long both read what counts. */
const SETTLE_MS = 1000;

/** Of a record that others make or remove meanwhile; each pause is twice the one before, 2.5 s in all. */
const MAX_TRIES = 8;
const FIRST_PAUSE_MS = 10;

type Change<Value> = (current: Value | undefined) => Value | undefined;

export type KeptValues = Map<string, { readonly etag: string; readonly value: unknown }>;

export function openTable<Value>(bucket: Bucket, name: string, kept: KeptValues): Records<Value> {
  const prefix = tablePrefix(name);
  const get = async (key: string): Promise<Value | undefined> => {
    const bytes = await bucket.read(prefix + fileOf(key));
    return bytes === undefined ? undefined : (JSON.parse(bytes.toString("utf8")) as Value);
  };
  const put = async (key: string, value: Value): Promise<void> => {
    do await bucket.put(prefix + fileOf(key), JSON.stringify(value));
    while (await unmarked(bucket, markOf(prefix + fileOf(key)))); // what was removed meanwhile is written again
  };
  const create = async (key: string, value: Value): Promise<Value | undefined> => {
    if (!(await bucket.putNew(prefix + fileOf(key), JSON.stringify(value)))) return undefined;
    await sleep(SETTLE_MS);
    return (await get(key)) ?? value;
  };
  /** Undefined when it was removed at the same moment. */
  const replace = async (key: string, value: Value): Promise<Value | undefined> => {
    await bucket.put(prefix + fileOf(key), JSON.stringify(value));
    return (await unmarked(bucket, markOf(prefix + fileOf(key)))) ? await get(key) : value;
  };
  const removeIf = async (key: string, change: Change<Value>): Promise<Value | undefined> => {
    const mark = newMark(markOf(prefix + fileOf(key)));
    const started = performance.now();
    await bucket.put(mark, "");
    try {
      const current = await get(key);
      const next = current === undefined ? undefined : change(current);
      if (next !== undefined) return current;
      if (performance.now() - started > MARK_MS) throw new RegistryError("STORAGE_FAILED", `Cannot remove the record of ${key}: the bucket answers too slowly`);
      await bucket.remove(prefix + fileOf(key));
      return undefined;
    } finally {
      await bucket.remove(mark);
    }
  };
  const listed = async (start: string, wanted: KeyPage | undefined): Promise<readonly ListedObject[]> =>
    wanted === undefined ? await objectsOf(bucket, prefix + start) : await pageOf(bucket, prefix + start, prefix + (wanted.after ?? start), wanted.limit);
  const update = async (key: string, change: Change<Value>): Promise<Value | undefined> => {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const current = await get(key);
      const next = change(current);
      if (next === current) return next;
      if (next === undefined) return await removeIf(key, change);
      const done = current === undefined ? await create(key, next) : await replace(key, next);
      if (done !== undefined) return done;
      await sleep(FIRST_PAUSE_MS << tries);
    }
    throw new RegistryError("STORAGE_FAILED", `Cannot write the record of ${key}: the bucket says each time that somebody else writes it`);
  };
  return {
    get,
    put,
    update,
    async remove(key): Promise<boolean> {
      const isThere = (await bucket.stat(prefix + fileOf(key))) !== undefined;
      if (isThere) await bucket.remove(prefix + fileOf(key));
      return isThere;
    },
    async list(start, wanted): Promise<readonly (readonly [key: string, value: Value])[]> {
      const found = await inTurns(await listed(start, wanted), READS, async ({ key, etag }) => {
        const value = await readKept(bucket, kept, key, etag);
        return value === undefined ? undefined : ([keyOf(key.slice(prefix.length)), value as Value] as const);
      });
      return found.filter((entry) => entry !== undefined).toSorted(([a], [b]) => bytewise(a, b));
    },
    async keys(start, wanted): Promise<readonly string[]> {
      return (await listed(start, wanted)).map(({ key }) => keyOf(key.slice(prefix.length))).toSorted(bytewise);
    },
  };
}

function markOf(file: string): string {
  return `${MARKS}${file}`;
}

/** `a` and `a/b` could not both be files where a bucket is a folder: a bare name gets an ending that no name has. */
function fileOf(key: string): string {
  return /[@:]/.test(key) ? key : `${key}@`;
}

function keyOf(file: string): string {
  return file.endsWith("@") ? file.slice(0, -1) : file;
}

async function objectsOf(bucket: Bucket, prefix: string): Promise<readonly ListedObject[]> {
  const all: ListedObject[] = [];
  for await (const object of bucket.list(prefix)) all.push(object);
  return all;
}

async function pageOf(bucket: Bucket, prefix: string, after: string, limit: number): Promise<readonly ListedObject[]> {
  const all: ListedObject[] = [];
  for (let from = after.slice(0, MAX_AFTER_CHARS); all.length < limit;) {
    const { objects, isTruncated } = await bucket.page(prefix, from, limit - all.length);
    all.push(...objects);
    from = objects.at(-1)?.key ?? from;
    if (!isTruncated || objects.length === 0) break;
  }
  return all;
}

/** Undefined when it went away meanwhile. */
async function readKept(bucket: Bucket, kept: KeptValues, key: string, etag: string): Promise<unknown> {
  const known = kept.get(key);
  if (known?.etag === etag) return known.value;
  const bytes = await bucket.read(key);
  if (bytes === undefined) return undefined;
  const value: unknown = JSON.parse(bytes.toString("utf8"));
  kept.delete(key);
  kept.set(key, { etag, value });
  for (const oldest of kept.keys()) if (kept.size > MAX_KEPT) kept.delete(oldest);
  return value;
}

function bytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
