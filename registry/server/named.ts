/** What a pushed manifest names, each once, within bounds: everything that it names is looked up, made young and kept track of. */
import type { Digest } from "../../store/digest.ts";
import { RegistryError } from "../errors.ts";
import type { BlobNeed, PushedManifest } from "./manifest.ts";

/** Runtimes take a hundred or so layers; artifacts may be many files. */
const MAX_BLOBS = 4096;
/** Each is stored as a blob. */
const MAX_WITH_DATA = 64;
/** Of an index. */
const MAX_MANIFESTS = 10_000;

export type Named = Pick<PushedManifest, "blobs" | "manifests">;

/** @throws {RegistryError} `MANIFEST_INVALID` for too many, and for a blob that is given two sizes */
export function namedOnce({ blobs, manifests }: Named): Named {
  const needs = new Map<Digest, BlobNeed>();
  for (const need of blobs) {
    const before = needs.get(need.digest);
    if (before !== undefined && before.size !== need.size) throw invalid(`it says that ${need.digest} has ${before.size} bytes, and ${need.size}`);
    if (before?.data === undefined) needs.set(need.digest, need);
  }
  const children = [...new Set(manifests)];
  const inside = [...needs.values()].filter(({ data }) => data !== undefined).length;
  if (needs.size > MAX_BLOBS) throw invalid(`it names ${needs.size} blobs, and ${MAX_BLOBS} are the most`);
  if (inside > MAX_WITH_DATA) throw invalid(`it holds the data of ${inside} blobs, and ${MAX_WITH_DATA} are the most`);
  if (children.length > MAX_MANIFESTS) throw invalid(`it names ${children.length} manifests, and ${MAX_MANIFESTS} are the most`);
  return { blobs: [...needs.values()], manifests: children };
}

function invalid(state: string): RegistryError {
  return new RegistryError("MANIFEST_INVALID", `Cannot store the manifest: ${state}`);
}
