/** How objects of the cluster are printed: the server's own tables, JSON, YAML or names. */
import { stringify } from "yaml";
import { printedName, resourceOf } from "../../orchestrator/client/paths.ts";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { UsageError } from "../errors.ts";

export const TABLE_ACCEPT = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

export type Output = "table" | "wide" | "json" | "yaml" | "name";

export function readOutput(text: string | undefined): Output {
  if (text === undefined) return "table";
  if (text === "wide" || text === "json" || text === "yaml" || text === "name") return text;
  throw new UsageError(`Cannot print as ${JSON.stringify(text)}: known are wide, json, yaml and name`);
}

type Cell = string | number | boolean | null;

interface Table {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
  readonly rows: readonly { readonly cells: readonly Cell[]; readonly object?: { readonly metadata?: { readonly namespace?: string } } }[];
}

/** Columns three blanks apart, as kubectl has them. */
export function formatTable(
  { columnDefinitions, rows }: Table,
  options: { readonly wide: boolean; readonly namespaces: boolean; readonly headers: boolean; readonly prefix?: string },
): string {
  const shown = columnDefinitions.flatMap(({ name, priority }, index) => (options.wide || priority === 0 ? [{ name, index }] : []));
  const header = [...(options.namespaces ? ["NAMESPACE"] : []), ...shown.map(({ name }) => name.toUpperCase())];
  const body = rows.map(({ cells, object }) => [
    ...(options.namespaces ? [object?.metadata?.namespace ?? ""] : []),
    ...shown.map(({ index }, position) => (position === 0 ? (options.prefix ?? "") : "") + cellText(cells[index])),
  ]);
  const lines = options.headers ? [header, ...body] : body;
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        line
          .map((text, column) => (column === line.length - 1 ? text : text.padEnd((widths[column] ?? 0) + 3)))
          .join("")
          .trimEnd() + "\n",
    )
    .join("");
}

function cellText(cell: Cell | undefined): string {
  return cell === null || cell === undefined || cell === "" ? "<none>" : String(cell);
}

export function formatObjects(output: "json" | "yaml" | "name", objects: readonly KubeObject[], single: boolean): string {
  if (output === "name") return objects.map((object) => `${printedName(resourceOf(object), object.metadata.name)}\n`).join("");
  const value = single ? objects[0] : { apiVersion: "v1", items: objects, kind: "List", metadata: { resourceVersion: "" } };
  const clean = JSON.parse(JSON.stringify(value, (key, field: unknown) => (key === "managedFields" ? undefined : field)));
  return output === "json" ? `${JSON.stringify(clean, null, 4)}\n` : stringify(clean, { lineWidth: 0 });
}
