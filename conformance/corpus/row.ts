/** One Dockerfile of the corpus: where it stands in another project's sources, and how it is built. No text of theirs is kept here. */
import type { SourceName } from "./sources.ts";

/** Where the Dockerfile stands; paths are relative to the root of the source. */
export type Origin =
  /** A file of its own, with a folder of the source as its context. */
  | { readonly kind: "file"; readonly context: string; readonly file: string }
  /** String literals of the function `test` in a Go test: the `nth` Dockerfile there, from 1, and the files given with it. */
  | { readonly kind: "go-test"; readonly file: string; readonly test: string; readonly nth: number }
  /** `dockerfileContents` of the entry called `entry` of a table in a Go test. */
  | { readonly kind: "go-table"; readonly file: string; readonly entry: string; readonly contexts: string }
  /** The `nth` fenced block of Markdown, from 1; without a FROM of its own it is put below one. */
  | { readonly kind: "fence"; readonly file: string; readonly nth: number };

export interface BuildOptions {
  readonly target?: string;
  readonly args?: Readonly<Record<string, string>>;
  /** Secrets by id, with their text. */
  readonly secrets?: Readonly<Record<string, string>>;
}

export interface Row extends BuildOptions {
  /** Unique: source and place, and where one place is built twice what is different. */
  readonly name: string;
  readonly source: SourceName;
  readonly origin: Origin;
  /** Built before, and given this name: what the Dockerfile builds on. */
  readonly before?: readonly { readonly tag: string; readonly origin: Origin }[];
}

/** How a place is built, and what by the same kind of place is built before, by tag. */
type RowOptions = BuildOptions & { readonly before?: Readonly<Record<string, string>>; readonly as?: string };

export type FileRow = string | (RowOptions & { readonly file: string; readonly context?: string });

/** Rows of Dockerfiles that are files below `folder`; the context is the folder of the file unless said. */
export function files(source: SourceName, folder: string, rows: readonly FileRow[]): readonly Row[] {
  return rows.map((row) => {
    const { file, context, ...options } = typeof row === "string" ? { file: row } : row;
    const place = (path: string): Origin => ({ kind: "file", context: join(folder, context ?? dirname(path)), file: join(folder, path) });
    return rowOf(source, join(folder, file), file, place, options);
  });
}

export type TestRow = string | (RowOptions & { readonly test: string });

/** Rows of Dockerfiles in functions of a Go test: `Name`, or `Name#2` for the second one there. */
export function goTests(source: SourceName, file: string, rows: readonly TestRow[]): readonly Row[] {
  const place = (name: string): Origin => {
    const [test = "", nth = "1"] = name.split("#");
    return { kind: "go-test", file, test, nth: Number(nth) };
  };
  return rows.map((row) => {
    const { test, ...options } = typeof row === "string" ? { test: row } : row;
    return rowOf(source, test, test, place, options);
  });
}

/** Rows of Dockerfiles in a table of a Go test. */
export function goTable(source: SourceName, file: string, contexts: string, entries: readonly string[]): readonly Row[] {
  return entries.map((entry) => rowOf(source, entry, entry, () => ({ kind: "go-table", file, entry, contexts }), {}));
}

/** Rows of fenced blocks of a document. */
export function fences(source: SourceName, file: string, blocks: readonly number[]): readonly Row[] {
  return blocks.map((nth) => rowOf(source, `${file} #${nth}`, String(nth), () => ({ kind: "fence", file, nth }), {}));
}

function rowOf(source: SourceName, place: string, at: string, origin: (at: string) => Origin, { before = {}, as, ...options }: RowOptions): Row {
  const built = Object.entries(before).map(([tag, at]) => ({ tag, origin: origin(at) }));
  return { name: `${source}: ${place}${as === undefined ? "" : ` (${as})`}`, source, origin: origin(at), before: built, ...options };
}

function dirname(path: string): string {
  const end = path.lastIndexOf("/");
  return end < 0 ? "." : path.slice(0, end);
}

function join(folder: string, path: string): string {
  return folder === "." ? path : path === "." ? folder : `${folder}/${path}`;
}
