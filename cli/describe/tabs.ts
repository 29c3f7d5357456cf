/** Lines whose cells end with tabs, in columns two blanks apart: a column goes on as long as the lines that have it. Pure. Spec: Go, text/tabwriter. */

const PADDING = 2;

export function alignTabs(lines: readonly string[]): readonly string[] {
  const rows = lines.map((line) => line.split("\t"));
  const widths = rows.map((): number[] => []);
  fit(rows, widths, { from: 0, to: rows.length, column: 0 });
  return rows.map((cells, row) => cells.map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[row]?.[column] ?? 0))).join(""));
}

interface Block {
  readonly from: number;
  readonly to: number;
  readonly column: number;
}

/** The last cell of a line belongs to no column. */
function fit(rows: readonly (readonly string[])[], widths: readonly number[][], { from, to, column }: Block): void {
  const has = (row: number): boolean => (rows[row]?.length ?? 0) - 1 > column;
  for (let first = from; first < to; first++) {
    if (!has(first)) continue;
    let end = first;
    while (end < to && has(end)) end++;
    const width = Math.max(...rows.slice(first, end).map((cells) => (cells[column] ?? "").length)) + PADDING;
    for (const found of widths.slice(first, end)) found[column] = width;
    fit(rows, widths, { from: first, to: end, column: column + 1 });
    first = end;
  }
}
