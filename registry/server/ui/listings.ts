/**
 * Listings of images, made once and kept within a budget; they are named by the manifest's digest, so one is never stale.
 * One image is read at a time, the others wait for it. A page does not wait long: it says that the layers are being read.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../../../store/digest.ts";
import type { Descriptor } from "../../../store/oci.ts";
import type { ListingAnswer } from "./listing-worker.ts";
import { sizeOfListing } from "./stack-listing.ts";

/** `reading`: ask again. */
export type ListingState = ListingAnswer | "reading" | "busy";

export interface Listings extends AsyncDisposable {
  /** Begins to read when it is not known yet. */
  read(manifest: Digest, layers: readonly Descriptor[]): Promise<ListingState>;
  /** Only what is known. */
  peek(manifest: Digest): ListingAnswer | undefined;
}

export interface ListingsOptions {
  readonly list: (layers: readonly Descriptor[], signal: AbortSignal) => Promise<ListingAnswer>;
  readonly report: (bug: unknown) => void;
  /** Milliseconds that a page waits. @default 1500 */
  readonly waitMs?: number;
}

const WAIT_MS = 1500;
/** Then the reading of an image is given up. */
const LONGEST_MS = 120_000;
const MAX_WAITING = 16;
const CACHE_CHARACTERS = 24 << 20;
/** What cannot be read may be readable again: a mirror fetches layers as they are asked for. */
const PROBLEM_MS = 30_000;
const MAX_PROBLEMS = 1000;

interface Known {
  readonly answer: ListingAnswer;
  readonly size: number;
}

export function openListings({ list, report, waitMs = WAIT_MS }: ListingsOptions): Listings {
  const known = new Map<Digest, Known>();
  const problems = new Map<Digest, { readonly answer: ListingAnswer; readonly until: number }>();
  const waiting = new Map<Digest, Promise<ListingAnswer>>();
  const closing = new AbortController();
  let size = 0;
  let last: Promise<unknown> = Promise.resolve();

  const keep = (manifest: Digest, answer: ListingAnswer): void => {
    if ("problem" in answer) {
      if (problems.size >= MAX_PROBLEMS) problems.clear();
      problems.set(manifest, { answer, until: Date.now() + PROBLEM_MS });
      return;
    }
    known.set(manifest, { answer, size: sizeOfListing(answer.listing) });
    size += known.get(manifest)!.size;
    for (const [oldest, { size: freed }] of known) {
      if (size <= CACHE_CHARACTERS || oldest === manifest) break;
      known.delete(oldest);
      size -= freed;
    }
  };
  const peek = (manifest: Digest): ListingAnswer | undefined => {
    const found = known.get(manifest);
    if (found !== undefined) {
      known.delete(manifest);
      known.set(manifest, found); // used last
      return found.answer;
    }
    const problem = problems.get(manifest);
    return problem === undefined || problem.until < Date.now() ? undefined : problem.answer;
  };
  const start = async (layers: readonly Descriptor[], before: Promise<unknown>): Promise<ListingAnswer> => {
    await before;
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(LONGEST_MS)]);
    return await list(layers, signal).catch((error: unknown) => {
      if (!signal.aborted) report(error);
      return { problem: "Cannot list the layers: reading them took too long or failed" };
    });
  };
  return {
    peek,
    async read(manifest, layers): Promise<ListingState> {
      const found = peek(manifest);
      if (found !== undefined) return found;
      let work = waiting.get(manifest);
      if (work === undefined) {
        if (waiting.size >= MAX_WAITING) return "busy";
        work = start(layers, last).then((answer) => {
          waiting.delete(manifest);
          keep(manifest, answer);
          return answer;
        });
        last = work;
        waiting.set(manifest, work);
      }
      return await Promise.race([work, sleep(waitMs, "reading" as const, { ref: false })]);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      closing.abort(new Error("The registry is shutting down"));
      await last;
    },
  };
}
