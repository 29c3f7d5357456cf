/** How the last amended layer differs from the whole one below it, to say what changed since. Only a help: losing it loses some words. */
import * as fs from "node:fs";
import { keepHint } from "../keep-hint.ts";
import type { ListedFile } from "../solve/file-list.ts";

/** Lines of the selection: in the whole layer, and in the amended one; null where there is none. */
type Lines = readonly [whole: string | null, amended: string | null];

export type LastEdits = ReadonlyMap<string, Lines>;

export function loadLastEdits(path: string): LastEdits {
  try {
    return new Map(JSON.parse(fs.readFileSync(path, "utf8")) as [string, Lines][]);
  } catch {
    return new Map();
  }
}

/** Best effort. */
export function saveLastEdits(path: string, edits: LastEdits): void {
  keepHint(path, JSON.stringify([...edits]));
}

export interface ChangedFiles {
  readonly before: readonly ListedFile[];
  readonly now: readonly ListedFile[];
}

/** Of the paths that either differs in. */
export function changedSince(last: LastEdits, now: LastEdits): ChangedFiles {
  const paths = [...new Set([...last.keys(), ...now.keys()])].sort();
  const lineOf = (edits: LastEdits, others: LastEdits, path: string): string | null => edits.get(path)?.[1] ?? (edits.has(path) ? null : others.get(path)![0]);
  return {
    before: paths.flatMap((path) => listed(path, lineOf(last, now, path))),
    now: paths.flatMap((path) => listed(path, lineOf(now, last, path))),
  };
}

function listed(path: string, line: string | null): ListedFile[] {
  const cut = line?.lastIndexOf("\0") ?? 0;
  return line === null ? [] : [{ path, digest: line.slice(cut + 1), meta: line.slice(0, cut) }];
}
