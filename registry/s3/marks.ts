/**
 * Marks: whoever removes puts one up, then looks whether it still may; whoever writes looks for one afterwards, and waits. S3 reads
 * what was written, so one of the two sees the other. This needs neither a lock nor conditional writes, which some services lack.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bucket } from "./bucket.ts";

/** Nothing is removed on a mark that is older; whoever waits for one waits longer. */
export const MARK_MS = 60_000;
const WAIT_MS = 90_000;
const POLL_MS = 200;

/** A mark of one process on `place`: two that remove at the same time do not take each other's away. */
export function newMark(place: string): string {
  return `${place}/${randomBytes(8).toString("hex")}`;
}

/** Waits until no mark is up on `place`; tells whether there was one. One that is too old was left by a process that died. */
export async function unmarked(bucket: Bucket, place: string): Promise<boolean> {
  for (let found = false; ; found = true) {
    const { objects, now } = await bucket.page(`${place}/`);
    if (objects.every(({ modifiedAt }) => now - modifiedAt >= WAIT_MS)) return found;
    await sleep(POLL_MS);
  }
}
