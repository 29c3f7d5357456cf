/** A builder that is measured: strata or one of those it is compared with. */

export interface BuildOrder {
  /** Folder with the Dockerfile. */
  readonly context: string;
  readonly tag: string;
}

export interface Builder {
  readonly name: string;
  /** Back to the state in which only the base image is there; not measured. */
  readonly reset: () => Promise<void>;
  /** The whole command, as a user types it. */
  readonly build: (order: BuildOrder) => Promise<void>;
}

export const BUILDERS = ["strata", "BuildKit", "buildah"] as const;

/** Name under which every peer has the base image. */
export const BASE_IMAGE = "localhost/strata-bench/base:latest";
