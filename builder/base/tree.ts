/** The files of a base image while they are gathered: paths go through the tree's own symlinks, parents come by themselves. */
import { posix } from "node:path";
import type { LayerEntry } from "../../store/store.ts";
import { BuilderError } from "../errors.ts";

/** Every time in a base image: the first second of 1980 that all archive formats can hold. */
export const BASE_EPOCH = 315_532_801;

const MAX_LINKS = 40;

export type Attributes = Partial<Pick<LayerEntry, "mode" | "uid" | "gid">>;

export class Tree {
  readonly #entries = new Map<string, LayerEntry>();

  /** Sorted by path. */
  entries(): readonly LayerEntry[] {
    return [...this.#entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  has(path: string): boolean {
    return this.#entries.has(this.locate(path));
  }

  /** What is there already stays, unless it was only implied. */
  directory(path: string, attributes: Attributes = {}): void {
    const at = this.locate(path);
    if (at !== "") this.#put({ ...ROOT_OWNED, mode: 0o755, ...attributes, path: at, type: "directory" });
  }

  symlink(path: string, target: string): void {
    this.#put({ ...ROOT_OWNED, mode: 0o777, path: this.locate(path), type: "symlink", target });
  }

  /** A copy of the host's file `source`. */
  copy(path: string, source: string, size: number, attributes: Attributes): void {
    this.#put({ ...ROOT_OWNED, mode: 0o644, ...attributes, path: this.locate(path), type: "file", size, source: { copy: source } });
  }

  text(path: string, content: string, attributes: Attributes = {}): void {
    const bytes = Buffer.from(content);
    this.#put({ ...ROOT_OWNED, mode: 0o644, ...attributes, path: this.locate(path), type: "file", size: bytes.length, source: { bytes } });
  }

  /** Where `path` comes to stand: its parents' symlinks followed, the last part kept; no leading slash. */
  locate(path: string): string {
    let rest = parts(path);
    let done: string[] = [];
    let links = 0;
    while (rest.length > 1) {
      const [name = "", ...after] = rest;
      const here = [...done, name].join("/");
      const entry = this.#entries.get(here);
      if (entry?.type !== "symlink") {
        [done, rest] = [[...done, name], after];
        continue;
      }
      if (++links > MAX_LINKS) throw new BuilderError("SOURCE_UNKNOWN", `Cannot place ${path}: too many symbolic links on the way`);
      [done, rest] = [[], [...parts(posix.resolve("/", done.join("/"), entry.target ?? "")), ...after]];
    }
    return [...done, ...rest].join("/");
  }

  #put(entry: LayerEntry): void {
    const parent = posix.dirname(entry.path);
    if (parent !== "." && !this.#entries.has(parent)) this.#put({ ...ROOT_OWNED, mode: 0o755, path: parent, type: "directory" });
    const present = this.#entries.get(entry.path);
    if (present?.type === "symlink" && entry.type === "directory") return;
    this.#entries.set(entry.path, entry);
  }
}

const ROOT_OWNED = { uid: 0, gid: 0, mtime: BASE_EPOCH } as const;

function parts(path: string): string[] {
  return posix
    .normalize(`/${path}`)
    .split("/")
    .filter((part) => part !== "");
}
