/** The build context: a folder seen through its ignore rules. Links are followed inside it and never lead out. */
import * as fs from "node:fs";
import { posix } from "node:path";
import { BuilderError } from "../errors.ts";
import { suggest } from "../dockerfile/suggest.ts";
import type { DigestIndex } from "./digest-index.ts";
import { compileMatch, hasWildcard } from "./go-match.ts";
import { compileRules, type IgnoreRules } from "./ignore.ts";
import type { Fingerprint, SelectOptions, Source, SourceEntry, SourceTree, WideWalk } from "./tree.ts";
import { fromStat, walk, type Walked } from "./walk.ts";

const MAX_LINKS = 40;

export interface FolderTreeOptions {
  readonly helper: string;
  readonly rules: IgnoreRules;
  readonly digests: DigestIndex;
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
    if (hasWildcard(path))
      return (await Promise.all(this.#expand(path).map(async (found) => await this.#source(found, options)))).flatMap((source) => source ?? []);
    const source = await this.#source(path, options);
    if (source === undefined) throw this.#unknown(path);
    return [source];
  }

  async fingerprint(pattern: string, options: SelectOptions): Promise<Fingerprint | undefined> {
    const path = insideRoot(pattern);
    if (hasWildcard(path) || options.exclude.length > 0) return undefined;
    const real = this.#resolve(path);
    const stat = real === undefined || this.#options.rules.ignores(path) ? undefined : fs.lstatSync(this.#file(real));
    if (real === undefined || stat?.isDirectory() !== true) return undefined;
    const { text, isSettled } = (await this.#walk(real)).fingerprint();
    return { text: `${stat.mode} ${text}`, isSettled };
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
    return await this.#options.digests.of(entries);
  }

  async #source(path: string, options: SelectOptions): Promise<Source | undefined> {
    const { rules } = this.#options;
    const isIgnored = path !== "" && rules.ignores(path);
    if (isIgnored && !rules.hasExceptions) return undefined;
    const real = this.#resolve(path);
    const stat = real === undefined ? undefined : fs.lstatSync(this.#file(real), { throwIfNoEntry: false });
    if (real === undefined || stat === undefined) return undefined;
    const itself = fromStat("", this.#file(real), stat);
    if (!stat.isDirectory()) return isIgnored || isExcluded(posix.basename(path), options) ? undefined : { path, entries: [itself] };
    const below = (await this.#walk(real)).entries();
    if (isIgnored && below.length === 0) return undefined;
    return { path, entries: [itself, ...without(below, options)] };
  }

  async #walk(path: string): Promise<Walked> {
    const { helper, rules, digests } = this.#options;
    let walked = this.#walked.get(path);
    if (walked === undefined) {
      walked = walk(this.#file(path), { helper, rules, prefix: path, isWide: digests.isWide });
      this.#walked.set(path, walked);
    }
    const found = await walked;
    if (found.wide !== undefined) this.#isWide = true;
    return found;
  }

  /** Paths that match a pattern, element by element, sorted. */
  #expand(pattern: string): readonly string[] {
    let found = [""];
    for (const element of pattern.split("/")) {
      const matches = hasWildcard(element) ? compileMatch(element) : undefined;
      found = found.flatMap((folder) => {
        const join = (name: string): string => (folder === "" ? name : `${folder}/${name}`);
        return matches === undefined ? [join(element)] : this.#names(folder).filter(matches).map(join);
      });
    }
    return found.filter((path) => this.#resolve(path) !== undefined);
  }

  #names(folder: string): readonly string[] {
    const real = this.#resolve(folder);
    if (real === undefined) return [];
    try {
      return fs.readdirSync(this.#file(real)).sort();
    } catch {
      return []; // a file where the pattern wants a folder
    }
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
      const stat = fs.lstatSync(file, { throwIfNoEntry: false });
      if (stat === undefined || (links += Number(stat.isSymbolicLink())) > MAX_LINKS) return undefined;
      if (!stat.isSymbolicLink()) {
        at.push(name);
        continue;
      }
      const target = fs.readlinkSync(file);
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
    const near = suggest(posix.basename(path), this.#names(folder));
    const hint = isIgnored
      ? `/${path} is there, but the ignore file leaves it out`
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

/** `..` and a leading slash never lead out: both are cut at the root. */
export function insideRoot(pattern: string): string {
  return posix.join("/", pattern).replace(/^\/+/, "").replace(/\/+$/, "");
}

export function without(entries: readonly SourceEntry[], options: SelectOptions): readonly SourceEntry[] {
  if (options.exclude.length === 0) return entries;
  const rules = compileRules(options.exclude);
  return entries.filter(({ path }) => !rules.ignores(path));
}

export function isExcluded(name: string, options: SelectOptions): boolean {
  return options.exclude.length > 0 && compileRules(options.exclude).ignores(name);
}
