/** What a registry's memory comes to while many push and pull at once. */
import { readFileSync } from "node:fs";
import type { BenchRegistry } from "../registry.ts";
import { blobMaker, getBlob, putBlob } from "./blobs.ts";

const CLIENTS = 64;
/** Bytes on the way at once are what counts: after this long nothing new happens. */
const LONGEST_MS = 20_000;

/** MiB. Half of the clients push blobs of their own, half pull one that is there; they end at their blob's end, or when it was long enough. */
export async function memoryUnderLoad({ host, pid }: BenchRegistry, block: Buffer, blocks: number): Promise<number> {
  const name = "bench/memory";
  const make = blobMaker(block, blocks);
  const there = make("there");
  await putBlob(host, name, there, block);
  const own = Array.from({ length: CLIENTS }, (_, at) => make(`of client ${at}`));
  const work = own.map(async (blob, at) => await (at % 2 === 0 ? getBlob(host, name, there) : putBlob(host, name, blob, block)));
  const all = Promise.all(work);
  all.catch(() => undefined); // when they are cut
  await Promise.race([all, new Promise((resolve) => setTimeout(resolve, LONGEST_MS))]);
  return peakOf(pid);
}

/** The kernel's high-water mark of resident memory. */
function peakOf(pid: number): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kibibytes) / 1024;
}
