/** strata registry gc, strata registry check: care of the registry in this root. */
import type { Command } from "commander";
import type { Context } from "../context.ts";
import type { Bucket } from "../../registry/s3/bucket.ts";
import type { SweepOptions } from "../../registry/s3/sweep.ts";
import { decimalSize } from "../images/decimal-size.ts";
import { ExitError, UsageError } from "../errors.ts";
import { openStorage, STORAGE_FLAG } from "./open-storage.ts";

interface GcFlags {
  readonly untagged?: boolean;
  readonly dryRun?: boolean;
  readonly grace: string;
  readonly storage?: string;
}

interface CheckFlags {
  readonly deep?: boolean;
  readonly storage?: string;
}

export function addCareCommands(registry: Command, context: Context): void {
  registry
    .command("gc")
    .description("Remove blobs that no manifest needs, and repositories without any; safe while the registry serves")
    .option(...STORAGE_FLAG)
    .option("--untagged", "of manifests that no tag leads to, too")
    .option("--dry-run", "only say what would go")
    .option("--grace <seconds>", "spare what was pushed, or relied on by a push, less long ago", "3600")
    .action(async (flags: GcFlags) => await gc(context, flags));
  registry
    .command("check")
    .description("Verify what the repositories hold; exit 1 when something is damaged")
    .option(...STORAGE_FLAG)
    .option("--deep", "read every blob and compare its digest")
    .action(async (flags: CheckFlags) => await inspect(context, flags));
}

async function gc(context: Context, flags: GcFlags): Promise<void> {
  const { untagged = false, dryRun = false } = flags;
  const graceMs = readGrace(flags.grace);
  const [{ collect }, { openRepositories }] = await Promise.all([import("../../registry/server/collect.ts"), import("../../registry/server/repositories.ts")]);
  await using opened = await openStorage(context, flags.storage);
  const { storage, bucket } = opened;
  let bytes = 0;
  for await (const dropped of collect(openRepositories(storage), storage.blobs, { untagged, dryRun, graceMs, now: Date.now() })) {
    bytes += dropped.size;
    context.stdout.write(`${dropped.kind} ${dropped.repository}${dropped.kind === "repository" ? "" : `@${dropped.digest}`}\n`);
  }
  const released = `${dryRun ? "Would let go" : "Let go"} of ${decimalSize(bytes)}`;
  if (bucket === undefined && !dryRun) {
    const freed = (await (await context.store()).care.collect()).bytes;
    context.stderr.write(`${released}, freed ${decimalSize(freed)}${freed < bytes ? ": the rest is held by others, or may be in use at this moment" : ""}\n`);
  } else context.stderr.write(`${released}\n`);
  if (bucket !== undefined) await sweepBucket(context, bucket, { graceMs, dryRun });
}

/** As the store's own collection takes what no repository links. */
async function sweepBucket(context: Context, bucket: Bucket, options: SweepOptions): Promise<void> {
  const { sweep } = await import("../../registry/s3/sweep.ts");
  let bytes = 0;
  for await (const { kind, name, size } of sweep(bucket, options)) {
    bytes += size;
    context.stdout.write(`${kind === "blob" ? "content" : "abandoned upload"} ${name}\n`);
  }
  context.stderr.write(`${options.dryRun ? "Would remove" : "Removed"} ${decimalSize(bytes)} from the bucket\n`);
}

async function inspect(context: Context, { deep = false, storage: location }: CheckFlags): Promise<void> {
  const [{ check }, { openRepositories }] = await Promise.all([import("../../registry/server/check.ts"), import("../../registry/server/repositories.ts")]);
  await using opened = await openStorage(context, location);
  const { storage } = opened;
  let found = 0;
  for await (const { repository, what, problem } of check(openRepositories(storage), storage.blobs, { deep })) {
    found += 1;
    context.stdout.write(`${repository} ${what}: ${problem}\n`);
  }
  if (found > 0) throw new ExitError(1, `Found ${found} damaged ${found === 1 ? "entry" : "entries"}`);
  context.stderr.write(`Everything is whole in ${location ?? context.root}\n`);
}

function readGrace(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  throw new UsageError(`Cannot spare what is younger than ${JSON.stringify(text)}: give a number of seconds`);
}
