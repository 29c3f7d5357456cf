/**
 * What an interrupted transfer left of a blob, kept so that a later process goes on with it: `ingest/partial.<algorithm>.<hex>.<owner>`.
 * The owner is the process that writes it, or `left.<random>` once that let go. Who goes on takes it by renaming it: one can.
 */
import { randomHex } from "../../system/digest.ts";
import { existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../digest.ts";
import type { Layout } from "../layout.ts";
import { isAbandoned, ownedName } from "../owner.ts";

const NAME = /^partial\.(sha256|sha512)\.([0-9a-f]+)\.(.+)$/;
/** Less is fetched again as quickly. */
export const LEAST_KEPT_BYTES = 1 << 20;
/** Milliseconds since the last write: nobody goes on with it. */
const ABANDONED_MS = 7 * 24 * 3_600_000;

/** A path for a transfer of this process. */
export function ownPartial(layout: Layout, digest: Digest): string {
  return join(layout.ingest, prefixOf(digest) + ownedName());
}

/** The longest that nobody writes, now this process's own. */
export async function takePartial(layout: Layout, digest: Digest): Promise<{ readonly path: string; readonly size: number } | undefined> {
  for (const { path, size } of goingOn(layout, digest)) {
    const own = ownPartial(layout, digest);
    if (await moved(path, own)) return { path: own, size };
  }
  return undefined;
}

/** Lets go of it. */
export async function leavePartial(layout: Layout, path: string, digest: Digest): Promise<void> {
  await rename(path, join(layout.ingest, `${prefixOf(digest)}left.${randomHex(6)}`));
}

/** Bytes that need not be fetched again. */
export function partialBytes(layout: Layout, digest: Digest): number {
  return goingOn(layout, digest)[0]?.size ?? 0;
}

/**
 * Removes those that nobody writes and nobody went on with for days, or whose blob is there: who wrote it was killed once it was linked.
 * `all`: whatever nobody writes. Returns the bytes, on a dry run those that would go.
 */
export function sweepPartials(layout: Layout, now: number, { all = false, dryRun = false } = {}): number {
  let bytes = 0;
  for (const { path, blob, size, mtimeMs } of freePartials(layout, "partial.")) {
    if (!all && mtimeMs >= now - ABANDONED_MS && !existsSync(blob)) continue;
    if (!dryRun) rmSync(path, { force: true, recursive: true });
    bytes += size;
  }
  return bytes;
}

interface Partial {
  readonly path: string;
  /** Path of what it becomes. */
  readonly blob: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** Neither folder, link nor pipe: no transfer leaves those. */
  readonly isFile: boolean;
}

function goingOn(layout: Layout, digest: Digest): readonly Partial[] {
  return freePartials(layout, prefixOf(digest)).filter(({ isFile }) => isFile);
}

/** Longest first. */
function freePartials(layout: Layout, prefix: string): readonly Partial[] {
  return readdirSync(layout.ingest)
    .flatMap((name): readonly Partial[] => {
      const [, algorithm = "", hex = "", owner = ""] = (name.startsWith(prefix) && NAME.exec(name)) || [];
      if (!isFree(owner)) return [];
      const path = join(layout.ingest, name);
      const found = lstatSync(path, { throwIfNoEntry: false });
      const blob = join(layout.blobs, algorithm, hex);
      return found === undefined ? [] : [{ path, blob, size: found.size, mtimeMs: found.mtimeMs, isFile: found.isFile() }];
    })
    .toSorted((a, b) => b.size - a.size);
}

function isFree(owner: string): boolean {
  return owner.startsWith("left.") || isAbandoned(owner);
}

function prefixOf(digest: Digest): string {
  return `partial.${digest.replace(":", ".")}.`;
}

/** False when another was quicker. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
