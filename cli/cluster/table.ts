/** The server's tables as kubectl prints them. Pure. Spec: Kubernetes API, meta.k8s.io/v1 Table. */

export const TABLE_ACCEPT = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

type Cell = string | number | boolean | null;

export interface Table {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
  readonly rows: readonly Row[];
  readonly metadata?: { readonly resourceVersion?: string };
}

export interface Row {
  readonly cells: readonly Cell[];
  /** Whole where it was asked for. */
  readonly object?: {
    readonly metadata?: {
      readonly name?: string;
      readonly namespace?: string;
      readonly labels?: Readonly<Record<string, string>>;
      readonly resourceVersion?: string;
    };
  };
}

export interface TableOptions {
  readonly wide: boolean;
  readonly namespaces: boolean;
  readonly headers: boolean;
  /** What stands before each name. */
  readonly prefix?: string;
  /** Labels that have a column each. */
  readonly labelColumns?: readonly string[];
  /** A column of all labels. */
  readonly labels?: boolean;
}

/** Columns three blanks apart, and of six characters at least. */
const PADDING = 3;
const MIN_WIDTH = 6;

export function formatTable(table: Table, options: TableOptions): string {
  return alignCells(tableCells(table, options));
}

/** The header, where it is wanted, and a line for each row. */
export function tableCells({ columnDefinitions, rows }: Table, options: TableOptions): readonly (readonly string[])[] {
  const shown = columnDefinitions.flatMap(({ name, priority }, index) => (options.wide || priority === 0 ? [{ name, index }] : []));
  const { labelColumns = [], labels = false } = options;
  const header = [
    ...(options.namespaces ? ["NAMESPACE"] : []),
    ...shown.map(({ name }) => name.toUpperCase()),
    ...labelColumns.map((label) => (label.split("/").at(-1) ?? "").toUpperCase()),
    ...(labels ? ["LABELS"] : []),
  ];
  const body = rows.map(({ cells, object }) => [
    ...(options.namespaces ? [object?.metadata?.namespace ?? ""] : []),
    ...shown.map(({ index }, position) => (position === 0 ? (options.prefix ?? "") : "") + cellText(cells[index])),
    ...labelColumns.map((label) => object?.metadata?.labels?.[label] ?? ""),
    ...(labels ? [labelText(object?.metadata?.labels)] : []),
  ]);
  return options.headers ? [header, ...body] : body;
}

/** `widths` are what earlier lines of the same table took, and are widened by these. */
export function alignCells(lines: readonly (readonly string[])[], widths: number[] = []): string {
  for (const line of lines) for (const [column, text] of line.entries()) widths[column] = Math.max(widths[column] ?? 0, text.length + PADDING, MIN_WIDTH);
  const aligned = lines.map((line) => line.map((text, column) => (column === line.length - 1 ? text : text.padEnd(widths[column] ?? 0))).join(""));
  return aligned.map((line) => `${line}\n`).join("");
}

function cellText(cell: Cell | undefined): string {
  return cell === null || cell === undefined ? "<none>" : String(cell);
}

function labelText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? "<none>" : pairs.toSorted().join(",");
}
