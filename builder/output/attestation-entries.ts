/** Attestations as files beside those of a local output, as BuildKit names them: `sbom.spdx.json`, `provenance.json`. */
import { digestOf, type Digest } from "../../store/digest.ts";
import type { Attestation } from "../attest/options.ts";
import type { SourceEntry } from "../context/tree.ts";
import { BuilderError } from "../errors.ts";

export interface AttestationPlace {
  /** Each platform has a folder of its own. */
  readonly split: boolean;
  readonly isSeveral: boolean;
  /** Seconds. */
  readonly epoch: number;
  /** Where a blob of the store is. */
  readonly pathOf: (digest: Digest) => string;
}

/** @throws {BuilderError} `OUTPUT_FAILED` when the image has a file of that name */
export function attestationEntries(attestations: readonly Attestation[], entries: readonly SourceEntry[], place: AttestationPlace): readonly SourceEntry[] {
  const taken = new Set(entries.map(({ path }) => path));
  return attestations.flatMap((attestation): readonly SourceEntry[] => {
    if (attestation.inlineOnly) return [];
    const path = pathIn(attestation, place);
    if (taken.has(path))
      throw new BuilderError("OUTPUT_FAILED", `Cannot write ${path} beside the files: there is one of that name among them`, {
        hint: "Leave the attestation out",
      });
    const bytes = Buffer.from(attestation.statement);
    return [{ path, type: "file", mode: 0o644, uid: 0, gid: 0, mtime: place.epoch, size: bytes.length, file: place.pathOf(digestOf(bytes)) }];
  });
}

function pathIn({ file, platform }: Attestation, { split, isSeveral }: AttestationPlace): string {
  const name = platform.replaceAll("/", "_");
  if (!isSeveral) return file;
  return split ? `${name}/${file}` : file.replace(/\.json$/, `.${name}.json`);
}
