/**
 * The memory of all uploads that a server has under way, 40 MiB in all: what comes first goes into a small buffer, and what comes behind
 * into large ones, which become chunks in the bucket.
 */
import { CHUNK_BYTES } from "./chunks.ts";
import { RoomPool } from "./room-pool.ts";

export interface UploadMemory {
  readonly small: RoomPool;
  readonly large: RoomPool;
}

const SMALL_BYTES = 64 << 10;
const MOST_SMALL = 128;
/** Those that fill and those that are sent. */
const MOST_LARGE = 4;
/** Milliseconds: a client that is slower than its network does not keep others waiting. */
const IDLE_MS = 200;
/** Milliseconds in which a client that is quick fills a large one. */
const HOLD_MS = 1_000;

export function openUploadMemory(): UploadMemory {
  return {
    small: new RoomPool({ bytes: SMALL_BYTES, most: MOST_SMALL, idleMs: 0, holdMs: 0 }),
    large: new RoomPool({ bytes: CHUNK_BYTES, most: MOST_LARGE, idleMs: IDLE_MS, holdMs: HOLD_MS }),
  };
}
