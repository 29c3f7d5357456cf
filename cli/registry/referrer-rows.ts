/** Referrers as rows of a table, or for programs as one array, also of nothing. */
import type { Descriptor } from "../../store/oci.ts";
import { printRows } from "../containers/print-rows.ts";
import type { Context } from "../context.ts";

const REFERRER_COLUMNS = [
  ["DIGEST", "Digest"],
  ["TYPE", "ArtifactType"],
  ["PREDICATE", "PredicateType"],
  ["TITLE", "Title"],
  ["SIZE", "Size"],
] as const;

export async function printReferrers(context: Context, referrers: readonly Descriptor[], output: string | undefined): Promise<void> {
  const rows = referrerRows(referrers);
  if (output === "json") context.stdout.write(`${JSON.stringify(rows)}\n`);
  else await printRows(context, rows, REFERRER_COLUMNS, { quiet: false, key: "Digest", format: undefined });
}

export function referrerRows(referrers: readonly Descriptor[]): readonly object[] {
  return referrers.map(({ digest, artifactType = "", size, annotations = {} }) => ({
    Digest: digest,
    ArtifactType: artifactType,
    PredicateType: annotations["in-toto.io/predicate-type"] ?? "",
    Title: annotations["org.opencontainers.image.title"] ?? "",
    Size: size,
  }));
}
