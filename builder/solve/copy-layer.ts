/** COPY and ADD on a miss: one layer, in which files that did not change since the last one are links to it. */
import { removeTreeSync } from "../../store/remove-tree.ts";
import { join } from "node:path";
import { encodeName } from "../../store/file-names.ts";
import { ownedName } from "../../store/owner.ts";
import type { ChainID, Layer, LayerEntry } from "../../store/store.ts";
import type { SourceEntry } from "../context/tree.ts";
import { parseMode } from "../copy/file-mode.ts";
import { LayerPlan } from "../copy/layer-plan.ts";
import { resolveOwner, type Owner } from "../copy/owner.ts";
import { place, type Opened } from "../copy/place.ts";
import { BuilderError } from "../errors.ts";
import type { CopyAction } from "../plan/graph.ts";
import { sidePath } from "../side-path.ts";
import { changedEntries, settle } from "./copy-settle.ts";
import { selectionOf, type Selection } from "./copy-selection.ts";
import { loadFileList, metaOf, saveFileList, type FileList, type ListedFile } from "./file-list.ts";
import type { KeyParts } from "./key.ts";
import type { Making, SolveScope } from "./scope.ts";

/** So many folders may stand between two files of a list. */
const NEAR = 16;
const FEW = 16;
/** A layer is written again when files changed under it; from then on those are copies of our own. */
const MAX_ROUNDS = 10;
const ROOT_OWNER: Owner = { uid: 0, gid: 0 };

export interface CopyMaking extends Making {
  /** Of the key: all but the files. */
  readonly rest: KeyParts;
}

export interface Written {
  readonly chain: ChainID;
  /** What was copied in the end: files may have changed meanwhile. */
  readonly selection: Selection;
}

export async function writeCopy(action: CopyAction, parent: ChainID | undefined, first: Selection, making: CopyMaking, scope: SolveScope): Promise<Written> {
  const aside = join(scope.collaborators.store.root, "ingest", ownedName());
  const copy = new CopyStep(action, parent, making, { ...scope, scratch: aside });
  try {
    let selection = first;
    for (let round = 1; ; round++) {
      const written = await copy.write(selection, round === 1).catch((error: unknown) => ({ error }));
      const changed = changedEntries(selection.digests.keys());
      if (changed.size === 0 && "error" in written) throw tooLong(written.error);
      if (changed.size === 0 && "layer" in written) return { chain: await copy.remember(written, selection), selection };
      scope.signal.throwIfAborted();
      if (round > MAX_ROUNDS) throw restless(changed);
      const settled = settle(selection.placed, changed, aside, scope.request.contextModes);
      selection = selectionOf(settled.placed, new Map([...selection.digests, ...settled.digests]));
    }
  } finally {
    removeTreeSync(aside);
  }
}

/** What can be reached from inside a folder may have no name from outside. */
function tooLong(error: unknown): unknown {
  if (!(error instanceof Error) || !/ENAMETOOLONG|File name too long/.test(error.message)) return error;
  return new BuilderError("CONTEXT_INVALID", "Cannot copy the files: the path of one is longer than the system's 4095 bytes", {
    cause: error,
    hint: "Let .dockerignore leave it out",
  });
}

function restless(changed: ReadonlySet<SourceEntry>): BuilderError {
  const [first] = changed;
  return new BuilderError("SOURCE_CHANGED", `Cannot copy ${first?.file}: files change faster than they can be copied`, {
    hint: "Build again when nothing writes to the context",
  });
}

interface WrittenLayer {
  readonly layer: Layer;
  readonly plan: LayerPlan;
  readonly files: FileList;
}

/** One COPY, written again when files changed under it. */
class CopyStep {
  readonly #action: CopyAction;
  readonly #parent: ChainID | undefined;
  readonly #making: CopyMaking;
  readonly #scope: SolveScope;
  readonly #listPath: string;

  constructor(action: CopyAction, parent: ChainID | undefined, making: CopyMaking, scope: SolveScope) {
    this.#action = action;
    this.#parent = parent;
    this.#making = making;
    this.#scope = scope;
    this.#listPath = sidePath(scope.collaborators.store.root, "steps", making.place);
  }

  async write(selection: Selection, isFirst: boolean): Promise<WrittenLayer> {
    const [action, scope] = [this.#action, this.#scope];
    const { snapshots } = scope.collaborators.store;
    const saved = loadFileList(this.#listPath);
    const image = await snapshots.view(this.#parent);
    const owner = action.chown === undefined ? undefined : await resolveOwner(action.chown, image);
    const last = saved === undefined ? undefined : await snapshots.use(saved.chain);
    const earlier = new Earlier(saved === undefined || last?.over !== undefined ? undefined : { files: saved.files, folder: last?.folder }, selection.digests);
    const below = action.link ? await snapshots.view(undefined) : image; // --link: as if nothing were there
    const plan = new LayerPlan({ below, owner: owner ?? ROOT_OWNER, epoch: scope.epoch });
    const options = {
      destination: action.destination,
      owner,
      mode: action.chmod === undefined ? undefined : parseMode(action.chmod),
      parents: action.parents,
      epoch: scope.epoch,
      earlier: (entry: LayerEntry, source: SourceEntry) => earlier.find(entry, source),
    };
    await place(plan, action.unpack === "never" ? selection.placed : await openArchives(action, selection, scope), options);
    const files = earlier.list(plan.entries());
    if (isFirst) this.#making.explain({ before: saved?.files, now: files });
    scope.signal.throwIfAborted();
    return { layer: await snapshots.write(this.#parent, plan.entries()), plan, files };
  }

  async remember({ layer, plan, files }: WrittenLayer, { text }: Selection): Promise<ChainID> {
    saveFileList(this.#listPath, { chain: layer.chainID, files });
    if (layer.over === undefined) await rememberWide(this.#action, layer.chainID, plan, text, this.#making, this.#scope);
    return layer.chainID;
  }
}

function destinationOf({ destination }: CopyAction): string {
  return destination.replace(/^\/+|\/+$/g, "");
}

/** A wide folder of the context that was copied whole is amended the next time. */
async function rememberWide(action: CopyAction, chain: ChainID, plan: LayerPlan, text: string, making: CopyMaking, scope: SolveScope): Promise<void> {
  const tree = action.patterns.length > 0 && action.origin.kind === "context" ? await scope.treeOf(action.origin) : undefined;
  if (tree?.isWide !== true) return;
  const { isWholeFolder, rememberCopy } = await import("../again/copy-again.ts");
  const walk = isWholeFolder(action) ? await tree.wide?.(action.patterns[0]!) : undefined;
  if (walk === undefined) return;
  const { folder, mode, bytes, startedAt } = walk;
  const target = await plan.folder(destinationOf(action)); // it is there: the files are in it
  rememberCopy({ parts: JSON.stringify(making.rest), chain, folder, mode, target, startedAt, walk: bytes, lines: encodeName(text) }, making.place, scope);
}

/** What is no archive is left to be copied. */
async function openArchives(action: CopyAction, { placed }: Selection, scope: SolveScope): Promise<readonly Opened[]> {
  const { tryArchive } = await import("../copy/archive.ts");
  const opened: Opened[] = [];
  for (const one of placed) {
    const [itself] = one.source.entries;
    const isLocal = !action.urls.includes(one.pattern);
    const mayBe = itself?.type === "file" && itself.bytes === undefined && (isLocal || action.unpack === "always");
    const archive = mayBe ? await tryArchive(itself.file, { folder: scope.scratch, signal: scope.signal, epoch: scope.epoch }) : undefined;
    opened.push({ ...one, archive });
  }
  return opened;
}

/** The files of the last layer of this step: the same path first, else any of the same content. */
class Earlier {
  readonly #folder: string | undefined;
  readonly #files: FileList;
  /** Files come in the order of the list: the next one is mostly the one. */
  #next = 0;
  #byPath: ReadonlyMap<string, ListedFile> | undefined;
  readonly #digests: ReadonlyMap<SourceEntry, string>;
  #byFile: ReadonlyMap<string, string> | undefined;
  readonly #seen = new Map<string, string>();
  #looks = 0;
  #byContent: ReadonlyMap<string, ListedFile> | undefined;

  constructor(last: { readonly files: FileList; readonly folder: string | undefined } | undefined, digests: ReadonlyMap<SourceEntry, string>) {
    this.#digests = digests;
    this.#folder = last?.folder;
    this.#files = last?.folder === undefined ? [] : last.files;
  }

  find(entry: LayerEntry, source: SourceEntry): string | undefined {
    const digest = this.#digests.get(source) ?? this.#ofFile(source.file);
    if (digest === "") return undefined;
    this.#seen.set(entry.path, digest);
    if (this.#folder === undefined) return undefined;
    const same = this.#at(entry.path);
    const found = same?.digest === digest ? same : this.#of(digest);
    return found?.meta === metaOf(entry) ? `${this.#folder}/${found.path}` : undefined;
  }

  /** What is copied under another name is not the entry that was selected. */
  #ofFile(file: string): string {
    if (file === "") return "";
    this.#byFile ??= new Map([...this.#digests].map(([entry, digest]) => [entry.file, digest]));
    return this.#byFile.get(file) ?? "";
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
