/**
 * Removes blobs that no repository links, while servers go on. A mark is put up before the links are read the second time; whoever
 * links looks for a mark afterwards, and then for the blob. So one of the two sees the other: a link saves the blob, or is refused.
 */
import type { Digest } from "../../store/digest.ts";
import { inTurns, type Bucket, type ListedObject } from "./bucket.ts";
import { BLOBS, blobKey, digestOfKey, markPlace, MARKS, RECORDS, tablePrefix } from "./keys.ts";
import { MARK_MS, newMark, unmarked } from "./marks.ts";

export interface SweepOptions {
  /** Milliseconds: what was written later is spared. */
  readonly graceMs: number;
  readonly dryRun: boolean;
  /** On a dry run: links that are looked past, as if they were gone. `<table>/<key>` */
  readonly asIfGone?: (record: string) => boolean;
}

export interface Swept {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

const BATCH = 500;
const WIDTH = 16;
export async function* sweep(bucket: Bucket, { graceMs, dryRun, asIfGone = () => false }: SweepOptions): AsyncGenerator<Swept> {
  const { now } = await bucket.page(MARKS, undefined, 1);
  const linked = await readLinked(bucket, dryRun ? asIfGone : undefined);
  const unlinked: ListedObject[] = [];
  for await (const object of bucket.list(BLOBS)) {
    const digest = digestOfKey(object.key);
    if (digest !== undefined && object.modifiedAt < now - graceMs && !linked.has(digest)) unlinked.push(object);
  }
  for (let at = 0; at < unlinked.length; at += BATCH) {
    const batch = unlinked.slice(at, at + BATCH);
    for (const { key, size } of dryRun ? batch : await removeBatch(bucket, batch, now - graceMs)) yield { digest: digestOfKey(key) as Digest, size };
  }
}

/** After content was linked: true when it is there, and stays. */
export async function isKept(bucket: Bucket, digest: Digest): Promise<boolean> {
  await unmarked(bucket, markPlace(digest));
  return (await bucket.stat(blobKey(digest))) !== undefined;
}

async function removeBatch(bucket: Bucket, batch: readonly ListedObject[], before: number): Promise<readonly ListedObject[]> {
  const marks = batch.map(({ key }) => newMark(markPlace(digestOfKey(key) as Digest)));
  const started = performance.now();
  try {
    await inTurns(marks, WIDTH, async (mark) => await bucket.put(mark, ""));
    const linked = await readLinked(bucket);
    const removed = await inTurns(batch, WIDTH, async (object) => {
      if (linked.has(digestOfKey(object.key) as Digest)) return undefined;
      const current = await bucket.stat(object.key);
      if (current === undefined || current.modifiedAt >= before || performance.now() - started > MARK_MS) return undefined;
      await bucket.remove(object.key);
      return object;
    });
    return removed.filter((object) => object !== undefined);
  } finally {
    await inTurns(marks, WIDTH, async (mark) => await bucket.remove(mark));
  }
}

async function readLinked(bucket: Bucket, isGone: (record: string) => boolean = () => false): Promise<ReadonlySet<Digest>> {
  const linked = new Set<Digest>();
  for (const table of ["registry.blobs", "registry.manifests"]) {
    for await (const { key } of bucket.list(tablePrefix(table))) {
      if (isGone(key.slice(RECORDS.length))) continue;
      const digest = digestOfKey(key.slice(key.lastIndexOf("@") + 1).replace(":", "/"));
      if (digest !== undefined) linked.add(digest);
    }
  }
  return linked;
}
