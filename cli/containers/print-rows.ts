/** Prints rows as a table, as one key a line, as JSON lines or by a Go template. */
import type { Context } from "../context.ts";
import { visibleLine } from "../visible.ts";

export interface RowFormat {
  readonly quiet: boolean;
  /** What `quiet` prints. */
  readonly key: string;
  /** Template, `json` or `table TEMPLATE`. */
  readonly format: string | undefined;
}

type Columns = readonly (readonly [title: string, field: string])[];

/** At least three blanks between columns, and no column narrower than ten, as docker has it. */
const GAP = 3;
const MIN_WIDTH = 10;

export async function printRows(context: Context, rows: readonly object[], columns: Columns, format: RowFormat): Promise<void> {
  const fields = rows as readonly Readonly<Record<string, unknown>>[];
  const lines = await render(fields, columns, format);
  context.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

async function render(rows: readonly Readonly<Record<string, unknown>>[], columns: Columns, { quiet, key, format }: RowFormat): Promise<readonly string[]> {
  if (quiet) return rows.map((row) => text(row[key]));
  if (format === undefined || format === "table") return table(columns, rows);
  if (format === "json") return rows.map((row) => JSON.stringify(row));
  if (format.startsWith("table ")) return await templateTable(format.slice("table ".length), rows, columns);
  const { renderTemplate, field } = await templates(rows);
  return rows.map((row) => renderTemplate(format, row, field));
}

/** `table {{.ID}}\t{{.Names}}`: the titles are those of the fields named. */
async function templateTable(template: string, rows: readonly Readonly<Record<string, unknown>>[], columns: Columns): Promise<readonly string[]> {
  const { renderTemplate, field } = await templates(rows);
  const titles = Object.fromEntries(Object.keys(rows[0] ?? {}).map((field) => [field, columns.find(([, name]) => name === field)?.[0] ?? field.toUpperCase()]));
  const head = renderTemplate(template, { ...titles, Label: titleOfLabel });
  const cells = [head, ...rows.map((row) => renderTemplate(template, row, field))].map((line) => line.split(/\t|\\t/));
  return align(cells);
}

/** `com.example.built-by` stands over its column as `built by`, as docker has it. */
function titleOfLabel(key: unknown): string {
  return (String(key).split(".").at(-1) ?? "").replaceAll(/[-_]/g, " ");
}

async function templates(rows: readonly object[]) {
  const [{ renderTemplate }, { fieldOfRows }] = await Promise.all([import("../template.ts"), import("../template-strict.ts")]);
  return { renderTemplate, field: fieldOfRows(rows) };
}

function table(columns: Columns, rows: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  return align([columns.map(([title]) => title), ...rows.map((row) => columns.map(([, field]) => text(row[field])))]);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}

/** A row, a line each. */
export function align(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map((row) => row.map(visibleLine));
  const widths = (cells[0] ?? []).map((_, at) => cells.reduce((widest, row) => Math.max(widest, (row[at] ?? "").length), 0));
  return cells.map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(Math.max((widths[at] ?? 0) + GAP, MIN_WIDTH)))).join(""));
}
