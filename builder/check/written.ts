/**
 * Instructions as they are written: the keyword in its own case, the comments above, and where each character of the joined line
 * stands in the file, so that an edit touches nothing else.
 */
import { directiveLines } from "../dockerfile/directives.ts";
import type { Dockerfile, Instruction } from "../dockerfile/instruction.ts";
import { continuationOf, isSkipped } from "../dockerfile/scan.ts";
import type { Edit } from "./finding.ts";

export interface Word {
  readonly text: string;
  /** In the instruction's text. */
  readonly start: number;
  readonly end: number;
}

export interface Written {
  readonly instruction: Instruction;
  readonly keyword: string;
  /** Words after the keyword; only blanks split. */
  readonly words: readonly Word[];
  /** Texts of the comments above, an empty one ends them. Directives are none. */
  readonly comments: readonly string[];
  /** Offsets of the first character of the first line and after the line end of the last. */
  readonly lines: { readonly start: number; readonly end: number };
  /** An edit of a part of the instruction's text. Nothing where a continuation goes through that part. */
  edit(start: number, end: number, text: string): readonly Edit[];
}

export function readWritten(text: string, dockerfile: Dockerfile): readonly Written[] {
  const starts = lineStarts(text);
  let after = directiveLines(dockerfile.lines);
  return dockerfile.instructions.map((instruction) => {
    const { start, end } = instruction.place;
    const comments = commentsBetween(dockerfile.lines, after, start - 1);
    after = end;
    const offsets = offsetsOf(instruction, dockerfile, starts);
    const keyword = /^\S+/.exec(instruction.text)?.[0] ?? "";
    const words = [...instruction.text.slice(keyword.length).matchAll(/\S+/g)].map((match) => {
      const at = keyword.length + match.index;
      return { text: match[0], start: at, end: at + match[0].length };
    });
    return {
      instruction,
      keyword,
      words,
      comments,
      lines: { start: starts[start - 1] ?? 0, end: starts[end] ?? text.length },
      edit: (from, to, replacement) => editOf(offsets, from, to, replacement),
    };
  });
}

/** Where each line begins, and where the text ends. */
export function lineStarts(text: string): readonly number[] {
  const starts = [text.startsWith("\uFEFF") ? 1 : 0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts.at(-1) === text.length ? starts : [...starts, text.length];
}

function commentsBetween(lines: readonly string[], from: number, to: number): readonly string[] {
  let comments: string[] = [];
  for (const line of lines.slice(from, to)) {
    const trimmed = line.trim();
    if (!trimmed.startsWith("#")) continue;
    const comment = trimmed.slice(1).trim();
    comments = comment === "" ? [] : [...comments, comment];
  }
  return comments;
}

/** The place in the file of each character of the instruction's text; nothing when the two disagree: then nothing is edited. */
function offsetsOf(instruction: Instruction, { lines, directives }: Dockerfile, starts: readonly number[]): readonly number[] {
  const continuation = continuationOf(directives.escape);
  const offsets: number[] = [];
  let text = "";
  for (let at = instruction.place.start - 1; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (at >= instruction.place.start && isSkipped(line)) continue;
    const part = line.replace(continuation, "$1");
    for (let column = 0; column < part.length; column++) offsets.push((starts[at] ?? 0) + column);
    text += part;
    if (!continuation.test(line)) break;
  }
  const lead = text.length - text.trimStart().length;
  return text.trim() === instruction.text ? offsets.slice(lead, lead + instruction.text.length) : [];
}

function editOf(offsets: readonly number[], from: number, to: number, text: string): readonly Edit[] {
  const start = from < offsets.length ? offsets[from] : (offsets[from - 1] ?? Number.NaN) + 1;
  const last = to > from ? (offsets[to - 1] ?? Number.NaN) + 1 : start;
  if (start === undefined || last === undefined || !(last - start === to - from)) return [];
  return [{ start, end: last, text }];
}
