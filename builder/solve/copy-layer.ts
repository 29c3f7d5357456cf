/** COPY and ADD on a miss: one layer, in which files that did not change since the last one are links to it. */
import type { ChainID, LayerEntry } from "../../store/store.ts";
import type { SourceEntry } from "../context/tree.ts";
import { LayerPlan } from "../copy/layer-plan.ts";
import { resolveOwner, type Owner } from "../copy/owner.ts";
import { place, type Placed } from "../copy/place.ts";
import type { CopyAction } from "../plan/graph.ts";
import { sidePath } from "../side-path.ts";
import { loadFileList, metaOf, saveFileList, type FileList, type ListedFile } from "./file-list.ts";
import type { KeyParts } from "./key.ts";
import type { Making, SolveScope } from "./scope.ts";
import { checkUnchanged } from "./unchanged.ts";

/** So many folders may stand between two files of a list. */
const NEAR = 16;
const FEW = 16;
const ROOT_OWNER: Owner = { uid: 0, gid: 0 };

/** What a COPY's patterns found, with the digests of the files. */
export interface Selection {
  readonly placed: readonly Placed[];
  readonly digests: ReadonlyMap<SourceEntry, string>;
  /** See `selectionText`. */
  readonly text: string;
  readonly digest: string;
}

export interface CopyMaking extends Making {
  /** Of the key: all but the files. */
  readonly rest: KeyParts;
}

export async function writeCopy(
  action: CopyAction,
  parent: ChainID | undefined,
  selection: Selection,
  making: CopyMaking,
  scope: SolveScope,
): Promise<ChainID> {
  const { store } = scope.collaborators;
  const listPath = sidePath(store.root, "steps", making.place);
  const saved = loadFileList(listPath);
  const below = await store.snapshots.view(parent);
  const owner = action.chown === undefined ? undefined : await resolveOwner(action.chown, below);
  const last = saved === undefined ? undefined : await store.snapshots.use(saved.chain);
  const earlier = new Earlier(saved === undefined || last?.over !== undefined ? undefined : { files: saved.files, folder: last?.folder }, selection.digests);
  const plan = new LayerPlan({ below, owner: owner ?? ROOT_OWNER, epoch: scope.epoch });
  const options = {
    destination: action.destination,
    owner,
    mode: action.chmod === undefined ? undefined : Number.parseInt(action.chmod, 8),
    parents: action.parents,
    epoch: scope.epoch,
    earlier: (entry: LayerEntry, source: SourceEntry) => earlier.find(entry, source),
  };
  const plain = action.unpack === "never" ? selection.placed : await unpackArchives(action, selection, plan, options, scope);
  await place(plan, plain, options);
  const files = earlier.list(plan.entries());
  making.explain({ before: saved?.files, now: files });
  scope.signal.throwIfAborted();
  const layer = await store.snapshots.write(parent, plan.entries());
  checkUnchanged(selection.digests.keys());
  saveFileList(listPath, { chain: layer.chainID, files });
  if (layer.over === undefined) await remember(action, layer.chainID, plan, selection.text, making, scope);
  return layer.chainID;
}

function destinationOf({ destination }: CopyAction): string {
  return destination.replace(/^\/+|\/+$/g, "");
}

/** A wide folder of the context that was copied whole is amended the next time. */
async function remember(action: CopyAction, chain: ChainID, plan: LayerPlan, text: string, making: CopyMaking, scope: SolveScope): Promise<void> {
  const tree = action.origin.kind === "context" ? await scope.treeOf(action.origin) : undefined;
  if (tree?.isWide !== true) return;
  const { isWholeFolder, rememberCopy } = await import("../again/copy-again.ts");
  const walk = isWholeFolder(action) ? await tree.wide?.(action.patterns[0]!) : undefined;
  if (walk === undefined) return;
  const { folder, mode, bytes, startedAt } = walk;
  const target = await plan.folder(destinationOf(action)); // it is there: the files are in it
  rememberCopy({ parts: JSON.stringify(making.rest), chain, folder, mode, target, startedAt, walk: bytes, lines: Buffer.from(text) }, making.place, scope);
}

/** Archives are opened into the layer; what is none is left to be copied. */
async function unpackArchives(
  action: CopyAction,
  selection: Selection,
  plan: LayerPlan,
  options: Parameters<typeof place>[2],
  scope: SolveScope,
): Promise<readonly Placed[]> {
  const { isArchive, openArchive } = await import("../copy/archive.ts");
  const plain: Placed[] = [];
  for (const placed of selection.placed) {
    const [itself] = placed.source.entries;
    const isLocal = !action.urls.includes(placed.pattern);
    if (itself?.type !== "file" || itself.bytes !== undefined || !(isLocal || action.unpack === "always") || !isArchive(itself.file)) {
      plain.push(placed);
      continue;
    }
    const source = await openArchive(itself.file, { folder: scope.scratch, signal: scope.signal });
    await place(plan, [{ pattern: placed.pattern, source }], { ...options, parents: false });
  }
  return plain;
}

/** The files of the last layer of this step: the same path first, else any of the same content. */
class Earlier {
  readonly #folder: string | undefined;
  readonly #files: FileList;
  /** Files come in the order of the list: the next one is mostly the one. */
  #next = 0;
  #byPath: ReadonlyMap<string, ListedFile> | undefined;
  readonly #digests: ReadonlyMap<SourceEntry, string>;
  readonly #seen = new Map<string, string>();
  #looks = 0;
  #byContent: ReadonlyMap<string, ListedFile> | undefined;

  constructor(last: { readonly files: FileList; readonly folder: string | undefined } | undefined, digests: ReadonlyMap<SourceEntry, string>) {
    this.#digests = digests;
    this.#folder = last?.folder;
    this.#files = last?.folder === undefined ? [] : last.files;
  }

  find(entry: LayerEntry, source: SourceEntry): string | undefined {
    const digest = this.#digests.get(source) ?? "";
    if (digest === "") return undefined;
    this.#seen.set(entry.path, digest);
    if (this.#folder === undefined) return undefined;
    const same = this.#at(entry.path);
    const found = same?.digest === digest ? same : this.#of(digest);
    return found?.meta === metaOf(entry) ? `${this.#folder}/${found.path}` : undefined;
  }

  list(entries: readonly LayerEntry[]): FileList {
    return entries.map((entry) => ({ path: entry.path, digest: this.#seen.get(entry.path) ?? "", meta: metaOf(entry) }));
  }

  #at(path: string): ListedFile | undefined {
    for (let at = this.#next; at < this.#next + NEAR; at++) {
      const file = this.#files[at];
      if (file?.path !== path) continue;
      this.#next = at + 1;
      return file;
    }
    return (this.#byPath ??= new Map(this.#files.map((file) => [file.path, file]))).get(path);
  }

  /** A map of all costs more than a few looks through the list. */
  #of(digest: string): ListedFile | undefined {
    if (this.#looks++ < FEW) return this.#files.find((file) => file.digest === digest);
    return (this.#byContent ??= new Map(this.#files.filter((file) => file.digest !== "").map((file) => [file.digest, file]))).get(digest);
  }
}
