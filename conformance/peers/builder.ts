/** A builder that is compared. */
import type { Outcome } from "../compare/differences.ts";
import type { BuildOptions } from "../corpus/row.ts";
import type { Layout } from "../extract/extract.ts";

export type BuilderName = "strata" | "BuildKit" | "classic";

export interface Builder {
  readonly name: BuilderName;
  build(layout: Layout, options: BuildOptions): Promise<Outcome>;
}
