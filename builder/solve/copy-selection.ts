/** What a COPY's patterns found, with the digests of the files, and one digest of all of it. */
import type { SourceEntry } from "../context/tree.ts";
import type { Placed } from "../copy/place.ts";
import { selectionDigest, selectionText } from "./key.ts";

export interface Selection {
  readonly placed: readonly Placed[];
  readonly digests: ReadonlyMap<SourceEntry, string>;
  /** See `selectionText`. */
  readonly text: string;
  readonly digest: string;
}

/** `known` has the digest of every file. */
export function selectionOf(placed: readonly Placed[], known: ReadonlyMap<SourceEntry, string>): Selection {
  const sources = placed.map(({ source }) => source);
  const digests = new Map<SourceEntry, string>();
  for (const { entries } of sources) for (const entry of entries) digests.set(entry, known.get(entry) ?? "");
  const text = selectionText(
    sources,
    sources.map(({ entries }) => entries.map((entry) => digests.get(entry) ?? "")),
  );
  return { placed, digests, text, digest: selectionDigest(text) };
}
