/** The contract of a repository of a registry, as a source and a sink of content. */
import type { Digest } from "../../store/digest.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { ContentSink, ContentSource, GrowingBlob } from "../../store/content.ts";

export type TransferState = "waiting" | "exists" | "mounted" | "transferring" | "done";

/** `bytes`: how many more went over the wire since the last event of this descriptor. */
export type OnTransfer = (descriptor: Descriptor, state: TransferState, bytes: number) => void;

export interface RepositoryOptions {
  readonly onTransfer?: OnTransfer;
  /** Another repository of the same registry that may have a blob. */
  readonly mountFrom?: (digest: Digest) => string | undefined;
  /** Shows that the registry's store is ours. */
  readonly prove?: ((digest: Digest) => string) | undefined;
}

export interface Fetched {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export interface RemoteRepository extends ContentSource, ContentSink {
  readonly name: string;
  /** `host/name` */
  readonly place: string;
  /** Content that can be read from any byte. The signal ends it. */
  fetch(descriptor: Descriptor, options?: { readonly signal?: AbortSignal }): AsyncIterable<Uint8Array>;
  /** A manifest by tag or digest, verified. @throws {RegistryError} `MANIFEST_UNKNOWN`, `DIGEST_INVALID` */
  read(reference: string): Promise<Fetched>;
  /** Descriptor of what a reference names, without its content; undefined when there is none. */
  resolve(reference: string): Promise<Descriptor | undefined>;
  /**
   * Sends what is made meanwhile; gives its descriptor, of the media type of `layer`, which it is called in errors.
   * Absent where what is whole need not travel.
   */
  readonly pushGrowing?: (layer: Descriptor, growing: GrowingBlob) => Promise<Descriptor>;
  /** Stores a manifest under a tag. */
  tag(tag: string, manifest: Fetched): Promise<void>;
  tags(): Promise<readonly string[]>;
  /** Manifests that name the digest as their subject. */
  referrers(subject: Digest): Promise<readonly Descriptor[]>;
  /** @throws {RegistryError} `MANIFEST_UNKNOWN`, `UNSUPPORTED` */
  remove(reference: string): Promise<void>;
}
