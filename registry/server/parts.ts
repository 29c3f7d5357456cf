/** What the handlers work with. */
import type { Request } from "../../http/message.ts";
import { isDigest, type Digest } from "../../store/digest.ts";
import { RegistryError, type WireErrorCode } from "../errors.ts";
import type { Grant } from "./access.ts";
import type { Identity } from "../identity.ts";
import type { ManifestCache } from "./manifest-cache.ts";
import type { Mirror } from "./mirror.ts";
import type { Claim } from "./quota-room.ts";
import type { Repositories } from "./repositories.ts";
import type { Content } from "../storage.ts";
import type { Uploads } from "./uploads.ts";

export interface Parts {
  readonly blobs: Content;
  readonly repositories: Repositories;
  /** As those of `repositories`, within the repository's quota. */
  readonly linkBlob: Repositories["linkBlob"];
  readonly linkManifest: Repositories["linkManifest"];
  /** For content that is about to come into a repository, within its quota. */
  readonly claimRoom: (name: string) => Claim;
  readonly uploads: Uploads;
  /** Bytes; infinite where there is no limit. */
  readonly maxBlobBytes: number;
  readonly identity: Identity;
  readonly manifests: ManifestCache;
  /** What is not here may be there. */
  readonly mirror: Mirror | undefined;
}

/** A request to one repository, admitted. */
export interface Call {
  readonly request: Request;
  readonly grant: Grant;
  readonly name: string;
}

/** Milliseconds: what somebody looks at is not made young again sooner. */
const LOOK_MS = 1_000;

/** Who may push looks whether something is there to rely on it: that takes a lease. `last`: when it was last made young. */
export function wantsLease({ request, grant, name }: Call, last: number): boolean {
  return request.method === "HEAD" && last < Date.now() - LOOK_MS && grant.allows({ kind: "repository", name, action: "push" });
}

/** `code` tells what a malformed one means: nothing there (GET) or a bad request (PUT). */
export function readDigest(text: string | null | undefined, code: WireErrorCode): Digest {
  if (typeof text === "string" && isDigest(text)) return text;
  throw new RegistryError(code, `Cannot read ${JSON.stringify(text ?? "")} as a digest`);
}

export function blobPath(name: string, digest: Digest): string {
  return `/v2/${name}/blobs/${digest}`;
}
