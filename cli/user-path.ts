/** Paths that somebody named on the command line: what is wrong with them is no bug. */
import { resolve } from "node:path";

/** Where a file is written under another name first. */
const ASIDE = /\.\d+\.part$/;

/** A system call's failure over a path that is one of these words, or in one: `FILE`, `--flag=FILE`, `transport:FILE:name`, `key=FILE,…`. Undefined: it is none. */
export function pathRefusal(error: unknown, words: readonly string[]): string | undefined {
  if (!(error instanceof Error && "syscall" in error && "code" in error)) return undefined;
  const { path, dest, message } = error as { path?: unknown; dest?: unknown; message: string };
  const place = [path, dest].find((one): one is string => typeof one === "string" && isNamed(one.replace(ASIDE, ""), words));
  if (place === undefined) return undefined;
  const [, said = message] = /^[A-Z0-9]+: (.*?), \w/.exec(message) ?? [];
  return `Cannot ${String(error.syscall) === "scandir" ? "read" : String(error.syscall)} ${place.replace(ASIDE, "")}: ${said}`;
}

function isNamed(path: string, words: readonly string[]): boolean {
  return words.some((word) => candidates(word).some((one) => one !== "" && resolve(one) === resolve(path)));
}

/** Every part of a word that a path can be. */
function candidates(word: string): readonly string[] {
  const starts = [0, ...[...word.matchAll(/[=:,]/g)].map(({ index }) => index + 1)];
  const ends = [...[...word.matchAll(/[:,]/g)].map(({ index }) => index), word.length];
  return starts.flatMap((start) => ends.filter((end) => end > start).map((end) => word.slice(start, end)));
}
