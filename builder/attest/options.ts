/** What is to be said of an image besides the image itself. */

export interface ProvenanceOptions {
  /** `max` tells arguments, secrets' names, steps and the Dockerfile too. */
  readonly mode: "min" | "max";
  readonly version: "v1" | "v0.2";
  /** Undefined: this program. */
  readonly builderId: string | undefined;
  /** Not beside the files of a local output. */
  readonly inlineOnly: boolean;
  /** True: claimed. False: times and a random id are told, which make each one differ. Undefined: neither. */
  readonly reproducible: boolean | undefined;
}

export interface AttestRequest {
  readonly sbom: boolean;
  readonly provenance: ProvenanceOptions | undefined;
  /** Canonical names that the image will have. */
  readonly names: readonly string[];
  /** Of this program. */
  readonly version: string;
}

/** A statement that was attached to an image. */
export interface Attestation {
  /** `sbom.spdx.json`, `provenance.json`… */
  readonly file: string;
  /** `os/architecture[/variant]` of the image. */
  readonly platform: string;
  /** JSON. */
  readonly statement: string;
  readonly inlineOnly: boolean;
}
