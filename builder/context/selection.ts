/** What COPY's sources mean in any tree: cut at the root, expanded element by element, less what --exclude names. */
import { posix } from "node:path";
import { compileMatch, hasWildcard } from "./go-match.ts";
import { compileRules, type IgnoreRules } from "./ignore.ts";
import type { SelectOptions, SourceEntry } from "./tree.ts";

/** `..` and a leading slash never lead out: both are cut at the root. */
export function insideRoot(pattern: string): string {
  return posix.join("/", pattern).replace(/^\/+/, "").replace(/\/+$/, "");
}

/** With --parents: how many elements of a path stand before the pivot `/./`, and are not kept. */
export function pivotDepth(pattern: string): number {
  const pivot = pattern.indexOf("/./");
  return pivot < 0 ? 0 : insideRoot(pattern.slice(0, pivot)).split("/").filter(Boolean).length;
}

export function belowPivot(pattern: string, path: string): string {
  return path.split("/").slice(pivotDepth(pattern)).join("/");
}

export interface Lister {
  /** Names in a folder, sorted; none of what is no folder. */
  names(folder: string): readonly string[] | Promise<readonly string[]>;
  /** Links to folders are none: `**` does not follow them. */
  isFolder(path: string): boolean | Promise<boolean>;
}

/** Paths that match, whether or not they are there. `**` is any number of folders when `deep`, else the same as `*`. */
export async function expand(pattern: string, lister: Lister, deep: boolean): Promise<readonly string[]> {
  let found: readonly string[] = [""];
  for (const element of pattern.split("/")) {
    const matches = hasWildcard(element) ? compileMatch(element) : undefined;
    const next: string[] = [];
    for (const folder of found) {
      if (deep && element === "**") next.push(...(await foldersBelow(folder, lister)));
      else if (matches === undefined) next.push(joined(folder, element));
      else next.push(...(await lister.names(folder)).filter(matches).map((name) => joined(folder, name)));
    }
    found = [...new Set(next)];
  }
  return withoutCovered(found);
}

async function foldersBelow(folder: string, lister: Lister): Promise<string[]> {
  const folders = [folder];
  for (const name of await lister.names(folder)) {
    const path = joined(folder, name);
    if (await lister.isFolder(path)) folders.push(...(await foldersBelow(path, lister)));
  }
  return folders;
}

function joined(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** A folder brings all that is in it. */
function withoutCovered(paths: readonly string[]): readonly string[] {
  if (paths.includes("")) return [""];
  const all = new Set(paths);
  return paths.filter((path) => {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) if (all.has(path.slice(0, end))) return false;
    return true;
  });
}

/** --exclude counts from the source; with --parents from where the paths begin that are kept. */
export class Exclusion {
  readonly #rules: IgnoreRules;
  readonly #prefix: string;

  constructor(pattern: string, path: string, options: SelectOptions) {
    this.#rules = compileRules(options.exclude);
    const kept = options.parents === true ? belowPivot(pattern, path) : "";
    this.#prefix = kept === "" ? "" : `${kept}/`;
  }

  /** Of a source that is no folder. */
  excludesItself(path: string): boolean {
    return !this.#rules.isEmpty && this.#rules.ignores(this.#prefix === "" ? posix.basename(path) : this.#prefix.slice(0, -1));
  }

  /** Folders stay for what is taken back in them. */
  filter(below: readonly SourceEntry[]): readonly SourceEntry[] {
    if (this.#rules.isEmpty) return below;
    const kept = below.filter(({ path }) => !this.#rules.ignores(this.#prefix + path));
    return this.#rules.hasExceptions ? withFolders(below, kept) : kept;
  }
}

function withFolders(all: readonly SourceEntry[], kept: readonly SourceEntry[]): readonly SourceEntry[] {
  const wanted = new Set<string>();
  for (const { path } of kept) for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) wanted.add(path.slice(0, end));
  const chosen = new Set(kept);
  return all.filter((entry) => chosen.has(entry) || (entry.type === "directory" && wanted.has(entry.path)));
}

/** The folders on the way to a path, outermost first. */
export function ancestors(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
