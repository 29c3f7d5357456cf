/** Where build caches are kept outside the store, and what the builder needs of such a place: it knows no registry. */
import type { Descriptor } from "../../store/oci.ts";
import type { ContentSource } from "../../store/content.ts";

export type CachePlace =
  | { readonly kind: "registry"; readonly reference: string; /** Plain HTTP and untrusted certificates are fine. */ readonly insecure: boolean }
  /** A folder that is an OCI layout; `name` is a tag of it or a digest. */
  | { readonly kind: "local"; readonly path: string; readonly name: string };

export interface CacheTarget {
  readonly place: CachePlace;
  /** `min`: the layers of the result; `max`: those of every step. */
  readonly mode: "min" | "max";
  readonly compression: "none" | "gzip" | "zstd";
  readonly level: number | undefined;
  readonly ignoreError: boolean;
  /** False: the manifest is wrapped in an index. */
  readonly imageManifest: boolean;
  /** False: docker's media types. */
  readonly ociTypes: boolean;
}

export interface CacheDocumentBytes {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** A cache in its place, connected. All that is read is verified against its digest. */
export interface CacheStorage extends ContentSource, AsyncDisposable {
  /** What the place's own name leads to. @throws when there is nothing, or no way there */
  top(): Promise<CacheDocumentBytes>;
  has(descriptor: Descriptor): Promise<boolean>;
  /** `open` gives the content from a byte on, again after an interruption. */
  push(descriptor: Descriptor, open: (offset: number) => AsyncIterable<Uint8Array>): Promise<void>;
  /** Makes the place's name lead there. */
  finish(document: CacheDocumentBytes): Promise<void>;
}

export type OpenCacheStorage = (place: CachePlace) => Promise<CacheStorage>;

/** As progress and warnings name it. */
export function placeName(place: CachePlace): string {
  return place.kind === "registry" ? place.reference : place.path;
}
