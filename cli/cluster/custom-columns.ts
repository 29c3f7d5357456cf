/** `-o custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[*].image`, or its two lines from a file. */
import { EXIT, ExitError } from "../errors.ts";
import { show } from "../template.ts";
import { findAll } from "./jsonpath.ts";
import { parseRelaxed, type Path } from "./jsonpath-parse.ts";
import type { Written } from "./shown-object.ts";
import { alignCells } from "./table.ts";

interface Column {
  readonly header: string;
  readonly paths: readonly Path[];
}

/** @throws {ExitError} */
export function customColumns(spec: string, headers: boolean): Written {
  const columns = spec.includes("\n") ? ofFile(spec) : spec.split(",").map(ofPair);
  const widths: number[] = [];
  let isFirst = headers;
  return {
    write(objects): string {
      const lines = objects.map((object) => columns.map(({ paths }) => cell(findAll(paths, object))));
      const all = isFirst ? [columns.map(({ header }) => header), ...lines] : lines;
      isFirst = false;
      return alignCells(all, widths);
    },
  };
}

function ofPair(text: string): Column {
  const [header = "", ...rest] = text.split(":");
  if (rest.length === 0) throw new ExitError(EXIT.refused, `unexpected custom-columns spec: ${text}, expected <header>:<json-path-expr>`);
  return { header, paths: parseRelaxed(rest.join(":")) };
}

/** A line of headers, a line of paths below. */
function ofFile(text: string): readonly Column[] {
  const [headers = [], paths = []] = text.split("\n").map((line) => line.split(/\s+/).filter((word) => word !== ""));
  if (headers.length !== paths.length)
    throw new ExitError(EXIT.refused, `number of headers (${headers.length}) and field specifications (${paths.length}) don't match`);
  return headers.map((header, index) => ({ header, paths: parseRelaxed(paths[index] ?? "") }));
}

function cell(values: readonly unknown[]): string {
  return values.length === 0 ? "<none>" : values.map(show).join(",");
}
