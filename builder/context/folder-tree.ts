/** The build context: a folder seen through its ignore rules. Links are followed inside it and never lead out. */
import * as fs from "node:fs";
import { posix } from "node:path";
import { filePath, listNames, readLink } from "../../store/file-names.ts";
import { BuilderError } from "../errors.ts";
import { suggest } from "../dockerfile/suggest.ts";
import type { ContextMode } from "./context-mode.ts";
import type { DigestIndex } from "./digest-index.ts";
import { hasWildcard } from "./go-match.ts";
import type { IgnoreRules } from "./ignore.ts";
import { ancestors, Exclusion, expand, insideRoot } from "./selection.ts";
import type { Fingerprint, SelectOptions, Source, SourceEntry, SourceTree, WideWalk } from "./tree.ts";
import { fromStat, walk, type Walked } from "./walk.ts";

const MAX_LINKS = 40;

export interface FolderTreeOptions {
  readonly treeTool: string;
  readonly rules: IgnoreRules;
  readonly digests: DigestIndex;
  readonly modes: ContextMode;
}

export class FolderTree implements SourceTree {
  readonly #root: string;
  readonly #options: FolderTreeOptions;
  /** Two COPYs of one folder walk it once. */
  readonly #walked = new Map<string, Promise<Walked>>();
  #isWide = false;

  /** `root` is a real path. */
  constructor(root: string, options: FolderTreeOptions) {
    this.#root = root;
    this.#options = options;
  }

  async select(pattern: string, options: SelectOptions): Promise<readonly Source[]> {
    const path = insideRoot(pattern);
    try {
      if (!hasWildcard(path)) {
        const source = await this.#source(pattern, path, options);
        if (source === undefined) throw this.#unknown(path);
        return [source];
      }
      const found = await expand(path, this, options.parents === true);
      return (await Promise.all(found.map(async (one) => await this.#source(pattern, one, options)))).flatMap((source) => source ?? []);
    } catch (error) {
      throw await this.#failure(error);
    }
  }

  async fingerprint(pattern: string, options: SelectOptions): Promise<Fingerprint | undefined> {
    const path = insideRoot(pattern);
    if (hasWildcard(path) || options.exclude.length > 0 || options.parents === true) return undefined;
    try {
      const real = this.#resolve(path);
      const stat = real === undefined || this.#options.rules.ignores(path) ? undefined : fs.lstatSync(filePath(this.#file(real)));
      if (real === undefined || stat?.isDirectory() !== true) return undefined;
      const { text, isSettled } = (await this.#walk(real)).fingerprint();
      return { text: `${this.#options.modes} ${stat.mode} ${text}`, isSettled };
    } catch (error) {
      throw await this.#failure(error);
    }
  }

  get isWide(): boolean {
    return this.#isWide;
  }

  async wide(pattern: string): Promise<WideWalk | undefined> {
    const real = this.#resolve(insideRoot(pattern));
    const stat = real === undefined ? undefined : fs.lstatSync(this.#file(real));
    if (real === undefined || stat?.isDirectory() !== true) return undefined;
    const { wide } = await this.#walk(real);
    return wide === undefined ? undefined : { ...wide, mode: stat.mode & 0o7777 };
  }

  async digests(entries: readonly SourceEntry[]): Promise<readonly string[]> {
    try {
      return await this.#options.digests.of(entries);
    } catch (error) {
      throw await this.#failure(error);
    }
  }

  names(folder: string): readonly string[] {
    const { rules } = this.#options;
    const real = this.#resolve(folder);
    if (real === undefined || (folder !== "" && !rules.hasExceptions && rules.ignores(folder))) return [];
    try {
      return listNames(this.#file(real)).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOTDIR") throw error;
      return []; // a file where the pattern wants a folder
    }
  }

  isFolder(path: string): boolean {
    return fs.lstatSync(filePath(this.#file(path)), { throwIfNoEntry: false })?.isDirectory() === true;
  }

  async #source(pattern: string, path: string, options: SelectOptions): Promise<Source | undefined> {
    const { rules } = this.#options;
    const isIgnored = path !== "" && rules.ignores(path);
    if (isIgnored && !rules.hasExceptions) return undefined;
    const real = this.#resolve(path);
    const itself = real === undefined ? undefined : this.#stat("", real);
    if (real === undefined || itself === undefined) return undefined;
    const exclusion = new Exclusion(pattern, path, options);
    const above = options.parents === true ? { above: ancestors(path).flatMap((folder) => this.#ancestor(folder)) } : {};
    if (itself.type !== "directory")
      return isIgnored || exclusion.excludesItself(path) ? undefined : { path, entries: await this.#withCapabilities([itself]), ...above };
    const walked = await this.#walk(real);
    const below = walked.entries();
    if (isIgnored && below.length === 0) return undefined;
    const entries = exclusion.filter(below);
    return { path, entries: [itself, ...(walked.wide === undefined ? await this.#withCapabilities(entries) : entries)], ...above };
  }

  /** Of programs, which are asked only when they may have changed since. */
  async #withCapabilities(entries: readonly SourceEntry[]): Promise<readonly SourceEntry[]> {
    const { digests, treeTool } = this.#options;
    const unknown = entries.filter((entry) => entry.type === "file" && (entry.mode & 0o111) !== 0 && !digests.knows(entry));
    if (unknown.length > 0) {
      const { readCapabilities } = await import("../../store/native/capabilities.ts"); // not while nothing changed
      const files = unknown.map(({ file }) => file);
      digests.noteCapabilities(files, await readCapabilities(treeTool, files));
    }
    return digests.withCapabilities(entries);
  }

  #ancestor(path: string): SourceEntry[] {
    const real = this.#resolve(path);
    const entry = real === undefined ? undefined : this.#stat(path, real);
    return entry === undefined ? [] : [entry];
  }

  /** What is at a real path. @throws {BuilderError} `SOURCE_UNKNOWN` for a socket */
  #stat(path: string, real: string): SourceEntry | undefined {
    const stat = fs.lstatSync(filePath(this.#file(real)), { throwIfNoEntry: false });
    if (stat?.isSocket() === true)
      throw new BuilderError("SOURCE_UNKNOWN", `Cannot copy /${real} of the build context: it is a socket, which means nothing without its process`);
    return stat === undefined ? undefined : fromStat(path, this.#file(real), stat, { modes: this.#options.modes });
  }

  async #walk(path: string): Promise<Walked> {
    const { treeTool, rules, digests, modes } = this.#options;
    let walked = this.#walked.get(path);
    if (walked === undefined) {
      walked = walk({ treeTool, rules, modes, root: this.#root, prefix: path, isWide: digests.isWide });
      this.#walked.set(path, walked);
    }
    const found = await walked;
    if (found.wide !== undefined) this.#isWide = true;
    return found;
  }

  async #failure(error: unknown): Promise<unknown> {
    const { readFailure } = await import("./read-failure.ts");
    return readFailure(error, this.#root);
  }

  /** The path with every link followed inside the root; undefined when there is nothing. */
  #resolve(path: string): string | undefined {
    const left = path
      .split("/")
      .filter((part) => part !== "")
      .reverse();
    const at: string[] = [];
    for (let links = 0; left.length > 0;) {
      const name = left.pop() ?? "";
      if (name === "." || name === "..") {
        if (name === "..") at.pop();
        continue;
      }
      const file = this.#file([...at, name].join("/"));
      const stat = fs.lstatSync(filePath(file), { throwIfNoEntry: false });
      if (stat === undefined || (links += Number(stat.isSymbolicLink())) > MAX_LINKS) return undefined;
      if (!stat.isSymbolicLink()) {
        if (left.length > 0 && !stat.isDirectory()) return undefined;
        at.push(name);
        continue;
      }
      const target = readLink(file);
      if (target.startsWith("/")) at.length = 0;
      left.push(
        ...target
          .split("/")
          .filter((part) => part !== "")
          .reverse(),
      );
    }
    return at.join("/");
  }

  #file(path: string): string {
    return path === "" ? this.#root : `${this.#root}/${path}`;
  }

  #unknown(path: string): BuilderError {
    const folder = posix.dirname(path) === "." ? "" : posix.dirname(path);
    const isIgnored = this.#options.rules.ignores(path) && this.#resolve(path) !== undefined;
    const near = suggest(posix.basename(path), this.names(folder));
    const hint = isIgnored
      ? `/${path} is there, but the ignore file leaves it out; 'strata build context ls --ignored' names the line`
      : near === undefined
        ? undefined
        : `Did you mean ${posix.join(folder, near)}?`;
    return new BuilderError(
      "SOURCE_UNKNOWN",
      `Cannot find /${path} in the build context: ${isIgnored ? "ignored" : "not found"}`,
      hint === undefined ? {} : { hint },
    );
  }
}
