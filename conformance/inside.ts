/** The comparison itself, inside its sandbox: `inside.js ORDER FOLDER`. It ends with its standard input. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CORPUS } from "./corpus/corpus.ts";
import type { Row } from "./corpus/row.ts";
import type { SourceName } from "./corpus/sources.ts";
import { ConformanceError } from "./errors.ts";
import { layOut } from "./extract/extract.ts";
import type { Options } from "./options.ts";
import { type Builders, openBuilders } from "./peers/open.ts";
import { compare, type Result } from "./result.ts";
import { isUnexplained, progressOf, report } from "./table.ts";

/** What `run.ts` found and fetched. */
interface Order {
  readonly options: Options;
  readonly roots: readonly (readonly [SourceName, string])[];
  readonly userlands: readonly (readonly [string, string])[];
}

async function main([order = "", folder = ""]: readonly string[]): Promise<number> {
  const { options, roots, userlands } = JSON.parse(order) as Order;
  const rows = CORPUS.filter(({ name }) => options.names.length === 0 || options.names.some((part) => name.includes(part)));
  if (rows.length === 0) throw new ConformanceError(`Cannot build ${options.names.join(", ")}: no row is called so`);
  const builders = await openBuilders(folder, new Map(userlands));
  const results: Result[] = [];
  for (const row of rows) {
    const result = await buildRow(row, new Map(roots).get(row.source), join(folder, `row-${results.length}`), builders);
    results.push(result);
    process.stderr.write(`${results.length}/${rows.length} ${progressOf(result)}`);
  }
  process.stdout.write(report(results, options.all));
  return results.some(isUnexplained) ? 1 : 0;
}

/** `folder` is another one each time: BuildKit takes a file of the same path, size and time for one that it has read already. */
async function buildRow(row: Row, root: string | undefined, folder: string, builders: Builders): Promise<Result> {
  mkdirSync(folder);
  try {
    const layout = root === undefined ? undefined : layOut(row, root, join(folder, "context"));
    return layout === undefined ? { kind: "missing", row } : await compare(row, layout, builders);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.stdin.resume().once("close", () => process.exit(130));
try {
  process.exit(await main(process.argv.slice(2))); // dockerd would keep it alive
} catch (error) {
  process.stderr.write(`conformance: ${error instanceof ConformanceError ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
  process.exit(1);
}
