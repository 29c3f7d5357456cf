/** What a context holds and what of it is ignored, with the line that leaves it out: for people, not for builds. */
import * as fs from "node:fs";
import { filePath, listNames } from "../../store/file-names.ts";
import { compileRules, parseIgnoreLines, type IgnoreRules, type Marks } from "./ignore.ts";
import { readFailure } from "./read-failure.ts";

export interface ListedEntry {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "other";
  /** Bytes; of an ignored folder those of all in it. */
  readonly size: number;
}

export interface IgnoredEntry extends ListedEntry {
  readonly pattern: string;
  /** As it was given. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export interface ContextList {
  readonly files: readonly ListedEntry[];
  /** A folder with all that is in it is named once, unless a rule takes some of it back. */
  readonly ignored: readonly IgnoredEntry[];
}

/** @throws {BuilderError} `CONTEXT_INVALID` */
export function listContext(root: string, ignore: { readonly file: string; readonly text: string }): ContextList {
  const lines = parseIgnoreLines(ignore.text);
  const walker = new ListWalker(root, compileRules(lines.map(({ pattern }) => pattern)));
  try {
    walker.walk("", undefined);
  } catch (error) {
    throw readFailure(error, root);
  }
  const ignored = walker.ignored.map(({ entry, by }) => ({ ...entry, file: ignore.file, pattern: lines[by]?.pattern ?? "", line: lines[by]?.line ?? 0 }));
  return { files: walker.files, ignored };
}

class ListWalker {
  readonly files: ListedEntry[] = [];
  readonly ignored: { readonly entry: ListedEntry; readonly by: number }[] = [];
  readonly #root: string;
  readonly #rules: IgnoreRules;

  constructor(root: string, rules: IgnoreRules) {
    this.#root = root;
    this.#rules = rules;
  }

  walk(folder: string, parent: Marks | undefined): void {
    for (const name of listNames(this.#at(folder)).sort()) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const stat = fs.lstatSync(filePath(this.#at(path)), { throwIfNoEntry: false });
      if (stat === undefined || stat.isSocket()) continue;
      const { ignored, by, marks } = this.#rules.step(path, parent);
      if (ignored) this.#ignore(path, stat, by ?? 0, marks);
      else {
        this.files.push(entryOf(path, stat));
        if (stat.isDirectory()) this.walk(path, marks);
      }
    }
  }

  #ignore(path: string, stat: fs.Stats, by: number, marks: Marks): void {
    if (!stat.isDirectory()) this.ignored.push({ entry: entryOf(path, stat), by });
    else if (!this.#rules.hasExceptions) this.ignored.push({ entry: { ...entryOf(path, stat), size: this.#bytesIn(path) }, by });
    else this.#takeBack(path, stat, by, marks);
  }

  /** A folder of which something is taken back goes in with that, and is not all ignored. */
  #takeBack(path: string, stat: fs.Stats, by: number, marks: Marks): void {
    const [kept, left] = [this.files.length, this.ignored.length];
    this.walk(path, marks);
    if (this.files.length > kept) this.files.splice(kept, 0, entryOf(path, stat));
    else {
      const size = this.ignored.splice(left).reduce((sum, { entry }) => sum + entry.size, 0);
      this.ignored.push({ entry: { ...entryOf(path, stat), size }, by });
    }
  }

  #bytesIn(folder: string): number {
    return listNames(this.#at(folder)).reduce((sum, name) => {
      const path = `${folder}/${name}`;
      const stat = fs.lstatSync(filePath(this.#at(path)), { throwIfNoEntry: false });
      return sum + (stat?.isDirectory() === true ? this.#bytesIn(path) : stat?.isFile() === true ? stat.size : 0);
    }, 0);
  }

  #at(path: string): string {
    return path === "" ? this.#root : `${this.#root}/${path}`;
  }
}

function entryOf(path: string, stat: fs.Stats): ListedEntry {
  const type = stat.isFile() ? "file" : stat.isDirectory() ? "directory" : stat.isSymbolicLink() ? "symlink" : "other";
  return { path, type, size: type === "file" ? stat.size : 0 };
}
