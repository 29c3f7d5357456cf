/** What pages are made from. */
import type { Request } from "../../../http/message.ts";
import type { Digest } from "../../../store/digest.ts";
import type { Descriptor } from "../../../store/oci.ts";
import type { KeyPage } from "../../../store/tables.ts";
import type { Blobs } from "../../../store/content.ts";
import type { Awaitable } from "../../storage.ts";
import type { ManifestCache } from "../manifest-cache.ts";
import type { BlobLink, ManifestLink } from "../repositories.ts";
import type { Listings } from "./listings.ts";

/** The part of `Repositories` that is shown. */
export interface ShownRepositories {
  exists(name: string): Awaitable<boolean>;
  names(): Awaitable<readonly string[]>;
  blob(name: string, digest: Digest): Awaitable<BlobLink | undefined>;
  manifest(name: string, digest: Digest): Awaitable<ManifestLink | undefined>;
  tags(name: string): Awaitable<readonly string[]>;
  tag(name: string, tag: string): Awaitable<Digest | undefined>;
  referrers(name: string, subject: Digest, wanted?: KeyPage): Awaitable<readonly Descriptor[]>;
}

export interface PageSource {
  readonly blobs: Pick<Blobs, "open" | "read">;
  readonly repositories: ShownRepositories;
  readonly manifests: ManifestCache;
  readonly listings: Listings;
}

/** A request to look at one repository, admitted. */
export interface Visit {
  readonly request: Request;
  readonly name: string;
  /** Tag or digest; "" for the repository itself. */
  readonly reference: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}
