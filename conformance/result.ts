/** What came of a row. */
import { differences, type Outcome } from "./compare/differences.ts";
import type { Row } from "./corpus/row.ts";
import { type Explanation, explanationsOf, explains } from "./explained.ts";
import type { Layout } from "./extract/extract.ts";
import type { Builders } from "./peers/open.ts";

export type Result =
  | { readonly kind: "missing"; readonly row: Row }
  | {
      readonly kind: "compared";
      readonly row: Row;
      readonly outcomes: Readonly<Record<"strata" | "buildkit" | "classic", Outcome>>;
      /** strata against BuildKit: what nothing explains. */
      readonly unexplained: readonly string[];
      /** Explanations that were needed. */
      readonly explained: readonly Explanation[];
      readonly equalsBuildkit: boolean;
      readonly equalsClassic: boolean;
      readonly buildkitEqualsClassic: boolean;
      /** The first difference from BuildKit that nothing explains, else the first one. */
      readonly first: string | undefined;
    };

export async function compare(row: Row, layout: Layout, builders: Builders): Promise<Result> {
  const [strata, { buildkit, classic }] = await Promise.all([builders.strata.build(layout, row), buildWithDocker(row, layout, builders)]);
  const found = differences("strata", strata, "BuildKit", buildkit, true);
  const known = explanationsOf(row.name);
  const unexplained = found.filter((difference) => !known.some((explanation) => explains(explanation, difference)));
  return {
    kind: "compared",
    row,
    outcomes: { strata, buildkit, classic },
    unexplained,
    explained: known.filter((explanation) => found.some((difference) => explains(explanation, difference))),
    equalsBuildkit: found.length === 0,
    equalsClassic: differences("strata", strata, "classic", classic, false).length === 0,
    buildkitEqualsClassic: differences("BuildKit", buildkit, "classic", classic, false).length === 0,
    first: unexplained[0] ?? found[0],
  };
}

/** One after the other: both keep their images under the same names. */
async function buildWithDocker(row: Row, layout: Layout, { buildkit, classic }: Builders): Promise<{ readonly buildkit: Outcome; readonly classic: Outcome }> {
  return { buildkit: await buildkit.build(layout, row), classic: await classic.build(layout, row) };
}
