/** Referrers as rows of a table. */
import type { Descriptor } from "../../store/oci.ts";

export const REFERRER_COLUMNS = [
  ["DIGEST", "Digest"],
  ["TYPE", "ArtifactType"],
  ["PREDICATE", "PredicateType"],
  ["TITLE", "Title"],
  ["SIZE", "Size"],
] as const;

export function referrerRows(referrers: readonly Descriptor[]): readonly object[] {
  return referrers.map(({ digest, artifactType = "", size, annotations = {} }) => ({
    Digest: digest,
    ArtifactType: artifactType,
    PredicateType: annotations["in-toto.io/predicate-type"] ?? "",
    Title: annotations["org.opencontainers.image.title"] ?? "",
    Size: size,
  }));
}
