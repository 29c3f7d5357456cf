/** A stage or an image as a source of files: its layers seen merged. */
import { lstatSync } from "node:fs";
import { posix } from "node:path";
import { filePath, sortByName } from "../../store/file-names.ts";
import type { MergedView, ViewEntry } from "../../store/store.ts";
import { BuilderError } from "../errors.ts";
import { suggest } from "../dockerfile/suggest.ts";
import { hasWildcard } from "./go-match.ts";
import { hashFiles } from "./hash-files.ts";
import { ancestors, Exclusion, expand, insideRoot } from "./selection.ts";
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
      const source = await this.#source(pattern, path, options);
      if (source === undefined) throw await this.#unknown(path);
      return [source];
    }
    const sources: Source[] = [];
    for (const found of await expand(path, this, options.parents === true)) {
      const source = await this.#source(pattern, found, options);
      if (source !== undefined) sources.push(source);
    }
    return sources;
  }

  names(folder: string): Promise<readonly string[]> {
    return this.#view.list(folder);
  }

  async isFolder(path: string): Promise<boolean> {
    return (await this.#view.lookup(path, { follow: false }))?.type === "directory";
  }

  async digests(entries: readonly SourceEntry[]): Promise<readonly string[]> {
    const files = entries.filter(({ type }) => type === "file");
    const digests = (await hashFiles(files)).values();
    return entries.map(({ type }) => (type === "file" ? (digests.next().value ?? "") : ""));
  }

  async #source(pattern: string, path: string, options: SelectOptions): Promise<Source | undefined> {
    const itself = await this.#view.lookup(path);
    if (itself === undefined) return undefined;
    const exclusion = new Exclusion(pattern, path, options);
    const above = options.parents === true ? { above: await this.#above(path) } : {};
    if (itself.type !== "directory") return exclusion.excludesItself(path) ? undefined : { path, entries: [fromView("", itself)], ...above };
    const below: SourceEntry[] = [];
    await this.#walk(itself.path, "", below);
    sortByName(below, (entry) => entry.path);
    return { path, entries: [fromView("", itself), ...exclusion.filter(below)], ...above };
  }

  async #above(path: string): Promise<readonly SourceEntry[]> {
    const found = await Promise.all(ancestors(path).map(async (folder) => [folder, await this.#view.lookup(folder)] as const));
    return found.flatMap(([folder, entry]) => (entry === undefined ? [] : [fromView(folder, entry)]));
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
  const stat = type === "file" ? lstatSync(filePath(entry.file), { throwIfNoEntry: false }) : undefined;
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
