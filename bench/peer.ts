/** A builder that is measured: strata or one of those it is compared with. */

export interface BuildOrder {
  /** Folder with the Dockerfile. */
  readonly context: string;
  readonly tag: string;
}

export interface Peer {
  readonly name: PeerName;
  /** Back to the state in which only the base image is there; not measured. */
  reset(): Promise<void>;
  /** The whole command, as a user types it. */
  build(order: BuildOrder): Promise<void>;
}

export const PEER_NAMES = ["strata", "BuildKit", "buildah"] as const;
export type PeerName = (typeof PEER_NAMES)[number];

/** Name under which every peer has the base image. */
export const BASE_IMAGE = "localhost/strata-bench/base:latest";
