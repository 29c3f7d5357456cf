/** The text of a selection, one line an entry, changed in a few places. */
import { decodeName, encodeName } from "../../store/file-names.ts";
import type { SourceEntry } from "../context/tree.ts";
import { selectionHead, selectionLine } from "../solve/key.ts";
import type { Edit } from "./compare-walks.ts";

const NEWLINE = 0x0a;
/** Before those of the records: the selection's head and the folder itself. */
export const HEAD_LINES = 2;

/** One edit with what it is in the selection now. */
export interface LineEdit extends Edit {
  readonly entry: SourceEntry | undefined;
  /** Hex; "" for what is no file. */
  readonly digest: string;
}

export interface EditedLines {
  readonly pieces: readonly Buffer[];
  /** What stood there for each edit; undefined where there was nothing. */
  readonly before: readonly (string | undefined)[];
  readonly now: readonly (string | undefined)[];
}

/** `edits` in order. `path` is the selection's own, `count` its entries now. */
export function editLines(lines: Buffer, edits: readonly LineEdit[], path: string, count: number): EditedLines {
  const itself = lineEnd(lines, 0);
  const pieces: Buffer[] = [encodeName(selectionHead(path, count))];
  const before: (string | undefined)[] = [];
  const now: (string | undefined)[] = [];
  let from = itself;
  let at = itself;
  let line = HEAD_LINES - 1;
  for (const edit of edits) {
    for (; line < edit.at + HEAD_LINES; line++) at = lineEnd(lines, at);
    const end = edit.before === undefined ? at : lineEnd(lines, at);
    const text = edit.entry === undefined ? undefined : selectionLine(edit.entry, edit.digest);
    pieces.push(lines.subarray(from, at), encodeName(text ?? ""));
    before.push(edit.before === undefined ? undefined : decodeName(lines.subarray(at, end)));
    now.push(text);
    if (edit.before !== undefined) line++;
    at = from = end;
  }
  return { pieces: [...pieces, lines.subarray(from)], before, now };
}

function lineEnd(lines: Buffer, from: number): number {
  const at = lines.indexOf(NEWLINE, from);
  return at < 0 ? lines.length : at + 1;
}

export function countLines(lines: Buffer): number {
  let count = 0;
  for (let at = 0; at < lines.length; at = lineEnd(lines, at)) count++;
  return count;
}
