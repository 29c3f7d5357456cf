/**
 * Collects the entries of one layer over the files below: parents are created or repeated as they are, links on the way are followed
 * inside the root, what cannot replace what is there is refused. Writes nothing.
 */
import { posix } from "node:path";
import type { LayerEntry, MergedView } from "../../store/store.ts";
import { BuilderError } from "../errors.ts";
import type { Owner } from "./owner.ts";

const FOLDER_MODE = 0o755;
/** As in the kernel. */
const MAX_LINKS = 40;

export interface LayerPlanOptions {
  readonly below: MergedView;
  /** Of folders made on the way. */
  readonly owner: Owner;
  /** Seconds: later times become this. */
  readonly epoch: number;
}

export type FolderLook = Pick<LayerEntry, "mode" | "uid" | "gid" | "mtime">;

export class LayerPlan {
  readonly #entries = new Map<string, LayerEntry>();
  readonly #options: LayerPlanOptions;
  /** Where a path given by the Dockerfile really is. */
  readonly #real = new Map<string, string>();
  /** Folders that are not below: nothing in them needs to be looked up. */
  readonly #fresh = new Set<string>();

  constructor(options: LayerPlanOptions) {
    this.#options = options;
  }

  entries(): readonly LayerEntry[] {
    return [...this.#entries.values()];
  }

  /** The real path of `path` with all links followed, whether or not it is there. Relative to the root. */
  async resolve(path: string, links = 0): Promise<string> {
    const below = await this.#options.below.lookup(path);
    if (below !== undefined) return below.path;
    const itself = await this.#options.below.lookup(path, { follow: false });
    if (itself?.type === "symlink" && links < MAX_LINKS) {
      return await this.resolve(posix.resolve("/", posix.dirname(itself.path), itself.target ?? "").slice(1), links + 1);
    }
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    if (slash < 0) return name;
    const parent = await this.resolve(path.slice(0, slash), links);
    return parent === "" ? name : `${parent}/${name}`;
  }

  /** What is at a real path after this layer, links not followed. */
  async lookup(path: string): Promise<Pick<LayerEntry, "type"> | undefined> {
    const own = this.#entries.get(path);
    if (own !== undefined || this.#fresh.has(parentOf(path))) return own;
    return await this.#options.below.lookup(path, { follow: false });
  }

  /**
   * Makes sure that `path` is a folder, and repeats it in this layer; one that is not there looks like `like`.
   * Returns its real path. @throws {BuilderError} `COPY_CONFLICT`
   */
  async folder(path: string, like: FolderLook = this.plainFolder(this.#options.owner)): Promise<string> {
    const known = this.#real.get(path);
    if (known !== undefined) return known;
    const real = path === "" ? "" : await this.#folder(path, like);
    this.#real.set(path, real);
    return real;
  }

  /** Puts `entry` at its real path, whose parent is there; a promise only when it had to look below. @throws {BuilderError} `COPY_CONFLICT` */
  put(entry: LayerEntry): Promise<void> | undefined {
    const own = this.#entries.get(entry.path);
    if (own !== undefined || this.#fresh.has(parentOf(entry.path))) {
      this.#set(entry, own);
      return undefined;
    }
    return this.#options.below.lookup(entry.path, { follow: false }).then((below) => this.#set(entry, below));
  }

  plainFolder(owner: Owner): FolderLook {
    return { mode: FOLDER_MODE, ...owner, mtime: this.#options.epoch };
  }

  /** As `put`, in the place of whatever is there. */
  async replace(entry: LayerEntry): Promise<void> {
    const existing = await this.lookup(entry.path);
    if (existing === undefined || (existing.type === "directory" && entry.type === "directory")) return await this.put(entry);
    const inside = `${entry.path}/`;
    for (const path of this.#entries.keys()) if (path === entry.path || (existing.type === "directory" && path.startsWith(inside))) this.#entries.delete(path);
    for (const path of this.#fresh) if (path === entry.path || path.startsWith(inside)) this.#fresh.delete(path);
    this.#real.clear(); // some may have led through it
    this.#set(entry, undefined);
  }

  #set(entry: LayerEntry, existing: Pick<LayerEntry, "type"> | undefined): void {
    if (existing !== undefined && (existing.type === "directory") !== (entry.type === "directory")) {
      const what = entry.type === "directory" ? "a folder" : `a ${entry.type}`;
      throw new BuilderError(
        "COPY_CONFLICT",
        `Cannot copy ${what} to /${entry.path}: there is a ${existing.type === "directory" ? "folder" : existing.type} already`,
      );
    }
    if (existing === undefined && entry.type === "directory") this.#fresh.add(entry.path);
    const { epoch } = this.#options;
    this.#entries.set(entry.path, entry.mtime <= epoch ? entry : { ...entry, mtime: epoch });
  }

  async #folder(path: string, like: FolderLook): Promise<string> {
    const slash = path.lastIndexOf("/");
    const parent = await this.folder(slash < 0 ? "" : path.slice(0, slash), like);
    const name = path.slice(slash + 1);
    const real = parent === "" ? name : `${parent}/${name}`;
    if (this.#entries.get(real)?.type === "directory") return real;
    const below = await this.#options.below.lookup(real);
    if (below?.type === "directory" && below.path !== real) return await this.folder(below.path, like); // a link to a folder
    if (below?.type === "directory") {
      const { file: _, ...entry } = below;
      await this.put(entry);
      return real;
    }
    const there = below === undefined ? await this.#options.below.lookup(real, { follow: false }) : below;
    if (below === undefined && there?.type === "symlink") return await this.#danglingFolder(real, like);
    if (there !== undefined || this.#entries.has(real)) {
      throw new BuilderError("COPY_CONFLICT", `Cannot make folder /${real}: there is a ${there?.type ?? "file"} already`);
    }
    const { mode, uid, gid, mtime } = like;
    await this.put({ path: real, type: "directory", mode, uid, gid, mtime });
    return real;
  }

  /** A link to nothing stands for the folder that it names, which is made. */
  async #danglingFolder(real: string, like: FolderLook): Promise<string> {
    const target = await this.resolve(real);
    if ((await this.lookup(target))?.type !== "symlink") return await this.folder(target, like);
    throw new BuilderError("COPY_CONFLICT", `Cannot make folder /${real}: it is a link that leads to itself`);
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
