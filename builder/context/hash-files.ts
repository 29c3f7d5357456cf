/** sha256 of many files: here when they are few, on worker threads when reading them takes longer than starting those. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { hashAll } from "./hash-sync.ts";
import type { SourceEntry } from "./tree.ts";

const INLINE_FILES = 1000;
const INLINE_BYTES = 16 << 20;
const MAX_WORKERS = 4;

/** Hex, in the order of `entries`. @throws the system's error when a file cannot be read */
export async function hashFiles(entries: readonly Pick<SourceEntry, "file" | "size">[]): Promise<readonly string[]> {
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  if (entries.length <= INLINE_FILES && total <= INLINE_BYTES) return hashAll(entries.map(({ file }) => file));
  const shares = share(entries, Math.min(MAX_WORKERS, availableParallelism()));
  const digests = Array.from(entries, () => "");
  await Promise.all(
    shares.map(async (indexes) => {
      const results = await hashOnWorker(indexes.map((index) => entries[index]?.file ?? ""));
      indexes.forEach((index, at) => (digests[index] = results[at] ?? ""));
    }),
  );
  return digests;
}

/** Files dealt out so that each worker gets about as much to read; a file costs as much as 16 KiB. */
function share(entries: readonly { readonly size: number }[], workers: number): readonly (readonly number[])[] {
  const shares = Array.from({ length: workers }, () => ({ load: 0, indexes: [] as number[] }));
  const bySize = entries.map((entry, index) => ({ load: entry.size + 16_384, index })).sort((a, b) => b.load - a.load);
  for (const { load, index } of bySize) {
    const least = shares.reduce((best, candidate) => (candidate.load < best.load ? candidate : best));
    least.load += load;
    least.indexes.push(index);
  }
  return shares.map(({ indexes }) => indexes.sort((a, b) => a - b)).filter((indexes) => indexes.length > 0);
}

async function hashOnWorker(files: readonly string[]): Promise<readonly string[]> {
  const worker = new Worker(new URL("./hash-worker.js", import.meta.url), { workerData: files });
  return await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
