/** strata registry gc: repositories let go of what no image needs, then the disk, or the bucket, of what nothing holds. */
import type { Unfinished } from "../../store/content.ts";
import type { Bucket } from "../../registry/s3/bucket.ts";
import type { Dropped } from "../../registry/server/collect.ts";
import type { Storage } from "../../registry/storage.ts";
import type { Context } from "../context.ts";
import { decimalSize } from "../../store/decimal-size.ts";
import { openStorage } from "./open-storage.ts";

export interface GcFlags {
  readonly untagged?: boolean;
  readonly dryRun?: boolean;
  /** Seconds. */
  readonly grace: number;
  /** Seconds. */
  readonly uploadTimeout: number;
  readonly storage?: string;
}

export async function gc(context: Context, flags: GcFlags): Promise<void> {
  const { dryRun = false } = flags;
  await using opened = await openStorage(context, flags.storage);
  const { storage, bucket } = opened;
  const dropped = await letGo(context, storage, flags);
  const uploads = await removeUploads(context, storage, flags);
  const freed = bucket === undefined ? await freeDisk(context, dropped, dryRun) : await freeBucket(context, bucket, dropped, flags);
  const [went, place] = [bytesOf(dropped), bucket === undefined ? "on disk" : "in the bucket"];
  const figures = dryRun
    ? `Would let go of ${decimalSize(went)} in the repositories, and free ${decimalSize(freed)} ${place}`
    : `Let go of ${decimalSize(went)} in the repositories, freed ${decimalSize(freed)} ${place}`;
  context.stderr.write(`${figures}${difference(went, freed)}\n`);
  tellUploads(context, uploads, dryRun);
}

async function letGo(context: Context, storage: Storage, { untagged = false, dryRun = false, grace }: GcFlags): Promise<readonly Dropped[]> {
  const [{ collect }, { openRepositories }] = await Promise.all([import("../../registry/server/collect.ts"), import("../../registry/server/repositories.ts")]);
  const all: Dropped[] = [];
  const options = { untagged, dryRun, graceMs: grace * 1000, now: Date.now() };
  for await (const dropped of collect(openRepositories(storage), storage.blobs, options)) {
    all.push(dropped);
    context.stdout.write(`${dropped.kind} ${dropped.repository}${dropped.kind === "repository" ? "" : `@${dropped.digest}`}\n`);
  }
  return all;
}

/** Bytes; on a dry run those that nothing would hold any more. */
async function freeDisk(context: Context, dropped: readonly Dropped[], dryRun: boolean): Promise<number> {
  const { goneWith } = await import("../../registry/server/gone-with.ts");
  const { care } = await context.store();
  return (await care.collect({ dryRun, asIfGone: goneWith(dropped) })).bytes;
}

/** As the store's own collection takes what no repository links. */
async function freeBucket(context: Context, bucket: Bucket, dropped: readonly Dropped[], { dryRun = false, grace }: GcFlags): Promise<number> {
  const [{ sweep }, { goneWith }] = await Promise.all([import("../../registry/s3/sweep.ts"), import("../../registry/server/gone-with.ts")]);
  let bytes = 0;
  for await (const { digest, size } of sweep(bucket, { graceMs: grace * 1000, dryRun, asIfGone: goneWith(dropped) })) {
    bytes += size;
    context.stdout.write(`content ${digest}\n`);
  }
  return bytes;
}

function difference(went: number, freed: number): string {
  if (freed < went) return ": the rest is held by others, or may be in use at this moment";
  return freed > went ? ", with what nothing held before" : "";
}

interface Uploads {
  readonly removed: readonly Unfinished[];
  readonly left: readonly Unfinished[];
}

async function removeUploads(context: Context, { ingests }: Storage, { dryRun = false, uploadTimeout }: GcFlags): Promise<Uploads> {
  const before = Date.now() - uploadTimeout * 1000;
  const gone = dryRun ? [] : await ingests.expire(before, () => false);
  const all: Unfinished[] = [];
  for await (const upload of ingests.list()) all.push(upload);
  const isOld = ({ writtenAt }: Unfinished): boolean => dryRun && writtenAt < before;
  const removed = [...gone, ...all.filter(isOld)];
  for (const { id } of removed) context.stdout.write(`unfinished upload ${id}\n`);
  return { removed, left: all.filter((upload) => !isOld(upload)) };
}

function tellUploads(context: Context, { removed, left }: Uploads, dryRun: boolean): void {
  const show = (uploads: readonly Unfinished[]): string => `${uploads.length} unfinished upload${uploads.length === 1 ? "" : "s"}`;
  if (removed.length > 0) {
    const spared = dryRun ? ", but for those that somebody works on" : "";
    context.stderr.write(`${dryRun ? "Would remove" : "Removed"} ${show(removed)} of ${decimalSize(bytesOf(removed))}${spared}\n`);
  }
  if (left.length > 0) {
    const hold = `${show(left)} hold${left.length === 1 ? "s" : ""} ${decimalSize(bytesOf(left))}`;
    context.stderr.write(`${hold}: --upload-timeout SECONDS removes those that nobody went on with for so long\n`);
  }
}

function bytesOf(all: readonly { readonly size: number }[]): number {
  return all.reduce((bytes, { size }) => bytes + size, 0);
}
