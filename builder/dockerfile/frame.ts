/** The lines around a mistake, the wrong ones marked, as BuildKit prints them. */
import type { ErrorPlace } from "../errors.ts";
import type { Place } from "./instruction.ts";

const LINES_AROUND = 2;
const RULE = "-".repeat(20);
/** A longer line is cut: nobody reads it, and a terminal would be busy with it for minutes. */
const MAX_SHOWN = 1000;

export function frame(source: { readonly file: string; readonly lines: readonly string[] }, place: Place): ErrorPlace {
  const first = Math.max(1, place.start - LINES_AROUND);
  const last = Math.min(source.lines.length, place.end + LINES_AROUND);
  const rows: string[] = [];
  for (let line = first; line <= last; line++) {
    const mark = line >= place.start && line <= place.end ? ">>>" : "   ";
    rows.push(`${String(line).padStart(4)} | ${mark} ${shown(source.lines[line - 1] ?? "")}`.trimEnd());
  }
  return { file: source.file, line: place.start, frame: [`${source.file}:${place.start}`, RULE, ...rows, RULE].join("\n") };
}

function shown(line: string): string {
  return line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN)}…`;
}
