/** A stage or an image as a source of files: its layers seen merged. */
import { lstatSync } from "node:fs";
import { posix } from "node:path";
import type { MergedView, ViewEntry } from "../../store/store.ts";
import { BuilderError } from "../errors.ts";
import { suggest } from "../dockerfile/suggest.ts";
import { insideRoot, isExcluded, without } from "./folder-tree.ts";
import { compileMatch, hasWildcard } from "./go-match.ts";
import { hashFiles } from "./hash-files.ts";
import type { SelectOptions, Source, SourceEntry, SourceTree } from "./tree.ts";

export class StackTree implements SourceTree {
  readonly #view: MergedView;
  readonly #name: string;

  constructor(view: MergedView, name: string) {
    this.#view = view;
    this.#name = name;
  }

  async select(pattern: string, options: SelectOptions): Promise<readonly Source[]> {
    const path = insideRoot(pattern);
    if (!hasWildcard(path)) {
      const source = await this.#source(path, options);
      if (source === undefined) throw await this.#unknown(path);
      return [source];
    }
    const sources: Source[] = [];
    for (const found of await this.#expand(path)) {
      const source = await this.#source(found, options);
      if (source !== undefined) sources.push(source);
    }
    return sources;
  }

  async digests(entries: readonly SourceEntry[]): Promise<readonly string[]> {
    const files = entries.filter(({ type }) => type === "file");
    const digests = (await hashFiles(files)).values();
    return entries.map(({ type }) => (type === "file" ? (digests.next().value ?? "") : ""));
  }

  async #source(path: string, options: SelectOptions): Promise<Source | undefined> {
    const itself = await this.#view.lookup(path);
    if (itself === undefined) return undefined;
    if (itself.type !== "directory") return isExcluded(posix.basename(path), options) ? undefined : { path, entries: [fromView("", itself)] };
    const below: SourceEntry[] = [];
    await this.#walk(itself.path, "", below);
    below.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
    return { path, entries: [fromView("", itself), ...without(below, options)] };
  }

  async #walk(folder: string, prefix: string, into: SourceEntry[]): Promise<void> {
    for (const name of await this.#view.list(folder)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const entry = await this.#view.lookup(path, { follow: false });
      if (entry === undefined) continue;
      const relative = prefix === "" ? name : `${prefix}/${name}`;
      into.push(fromView(relative, entry));
      if (entry.type === "directory") await this.#walk(path, relative, into);
    }
  }

  async #expand(pattern: string): Promise<readonly string[]> {
    let found = [""];
    for (const element of pattern.split("/")) {
      const matches = hasWildcard(element) ? compileMatch(element) : undefined;
      const next: string[] = [];
      for (const folder of found) {
        const names = matches === undefined ? [element] : (await this.#view.list(folder)).filter(matches);
        next.push(...names.map((name) => (folder === "" ? name : `${folder}/${name}`)));
      }
      found = next;
    }
    return found;
  }

  async #unknown(path: string): Promise<BuilderError> {
    const folder = posix.dirname(path) === "." ? "" : posix.dirname(path);
    const near = suggest(posix.basename(path), await this.#view.list(folder));
    return new BuilderError(
      "SOURCE_UNKNOWN",
      `Cannot find /${path} in ${this.#name}: not found`,
      near === undefined ? {} : { hint: `Did you mean /${posix.join(folder, near)}?` },
    );
  }
}

/** Layers may share an inode; only names within one layer are links of each other. */
function fromView(path: string, entry: ViewEntry): SourceEntry {
  const type = entry.type as SourceEntry["type"];
  const stat = type === "file" ? lstatSync(entry.file, { throwIfNoEntry: false }) : undefined;
  return {
    path,
    type,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    mtime: entry.mtime,
    size: entry.size ?? 0,
    file: entry.file,
    ...(entry.target === undefined ? {} : { target: entry.target }),
    ...(entry.major === undefined ? {} : { major: entry.major, minor: entry.minor ?? 0 }),
    ...(entry.xattrs === undefined ? {} : { xattrs: entry.xattrs }),
    ...(stat !== undefined && stat.nlink > 1 ? { inode: `${entry.file.slice(0, -entry.path.length)}:${stat.ino}` } : {}),
  };
}
