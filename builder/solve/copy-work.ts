/** COPY and ADD: select, key by content, and on a miss write one layer in which unchanged files are links to the last one. */
import { createHash } from "node:crypto";
import type { ChainID, LayerEntry } from "../../store/store.ts";
import type { Source, SourceEntry } from "../context/tree.ts";
import { LayerPlan } from "../copy/layer-plan.ts";
import { resolveOwner, type Owner } from "../copy/owner.ts";
import { place, type Placed } from "../copy/place.ts";
import type { CopyAction, InlineFile } from "../plan/graph.ts";
import { sidePath } from "../side-path.ts";
import { loadFileList, metaOf, saveFileList, type FileList } from "./file-list.ts";
import { copyParts, selectionDigest, type StepScope } from "./key.ts";
import type { Making, SolveScope, Work } from "./scope.ts";

const ROOT_OWNER: Owner = { uid: 0, gid: 0 };

export async function copyWork(action: CopyAction, parent: ChainID | undefined, scope: SolveScope): Promise<Work> {
  const step: StepScope = { parent, epoch: scope.epoch, platform: scope.platform };
  const isWhole = action.origin.kind !== "context" && action.urls.length === 0;
  let selected: Promise<Selection> | undefined;
  const selection = async (): Promise<Selection> => await (selected ??= select(action, scope));
  return {
    ...(isWhole ? { quick: copyParts(action, `stack ${await scope.chainOf(action.origin)}`, step) } : {}),
    full: async () => copyParts(action, (await selection()).digest, step),
    make: async (making) => await write(action, parent, await selection(), making, scope),
  };
}

interface Selection {
  readonly placed: readonly Placed[];
  readonly digests: ReadonlyMap<SourceEntry, string>;
  readonly digest: string;
}

async function select(action: CopyAction, scope: SolveScope): Promise<Selection> {
  const tree = action.patterns.length === 0 ? undefined : await scope.treeOf(action.origin);
  const placed: Placed[] = [];
  const digests = new Map<SourceEntry, string>();
  for (const pattern of action.patterns) {
    for (const source of (await tree?.select(pattern, { exclude: action.exclude })) ?? []) {
      placed.push({ pattern, source });
      const found = (await tree?.digests(source.entries)) ?? [];
      source.entries.forEach((entry, index) => digests.set(entry, found[index] ?? ""));
    }
  }
  for (const file of [...action.inline.map(inlineSource), ...(await downloads(action, scope))]) {
    placed.push({ pattern: file.pattern, source: file.source });
    for (const entry of file.source.entries) digests.set(entry, file.digest);
  }
  const sources = placed.map(({ source }) => source);
  return { placed, digests, digest: selectionDigest(sources, sources.map(({ entries }) => entries.map((entry) => digests.get(entry) ?? ""))) };
}

/** Content that no tree holds. */
interface Extra {
  readonly pattern: string;
  readonly source: Source;
  readonly digest: string;
}

function inlineSource({ name, content }: InlineFile): Extra {
  const bytes = Buffer.from(content);
  const entry: SourceEntry = { path: "", type: "file", mode: 0o644, ...ROOT_OWNER, mtime: Number.MAX_SAFE_INTEGER, size: bytes.length, file: "", bytes };
  return { pattern: name, source: { path: name, entries: [entry] }, digest: createHash("sha256").update(bytes).digest("hex") };
}

async function downloads(action: CopyAction, scope: SolveScope): Promise<readonly Extra[]> {
  if (action.urls.length === 0) return [];
  const { download } = await import("../copy/download.ts");
  const options = { folder: scope.scratch, checksum: action.checksum, signal: scope.signal };
  return await Promise.all(action.urls.map(async (url) => ({ pattern: url, ...(await download(url, options)) })));
}

async function write(action: CopyAction, parent: ChainID | undefined, selection: Selection, making: Making, scope: SolveScope): Promise<ChainID> {
  const { store } = scope.collaborators;
  const listPath = sidePath(store.root, "steps", making.place);
  const saved = loadFileList(listPath);
  const below = await store.snapshots.view(parent);
  const owner = action.chown === undefined ? undefined : await resolveOwner(action.chown, below);
  const earlier = new Earlier(saved === undefined ? undefined : { files: saved.files, folder: (await store.snapshots.get(saved.chain))?.folder }, selection.digests);
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
  saveFileList(listPath, { chain: layer.chainID, files });
  return layer.chainID;
}

/** Archives are opened into the layer; what is none is left to be copied. */
async function unpackArchives(action: CopyAction, selection: Selection, plan: LayerPlan, options: Parameters<typeof place>[2], scope: SolveScope): Promise<readonly Placed[]> {
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

/** The files of the last layer of this step, by content and metadata. */
class Earlier {
  readonly #byContent = new Map<string, string>();
  readonly #digests: ReadonlyMap<SourceEntry, string>;
  readonly #seen = new Map<string, string>();

  constructor(last: { readonly files: FileList; readonly folder: string | undefined } | undefined, digests: ReadonlyMap<SourceEntry, string>) {
    this.#digests = digests;
    if (last?.folder === undefined) return;
    for (const { path, digest, meta } of last.files) if (digest !== "") this.#byContent.set(`${digest} ${meta}`, `${last.folder}/${path}`);
  }

  find(entry: LayerEntry, source: SourceEntry): string | undefined {
    const digest = this.#digests.get(source);
    if (digest === undefined || digest === "") return undefined;
    this.#seen.set(entry.path, digest);
    return this.#byContent.get(`${digest} ${metaOf(entry)}`);
  }

  list(entries: readonly LayerEntry[]): FileList {
    return entries.map((entry) => ({ path: entry.path, digest: this.#seen.get(entry.path) ?? "", meta: metaOf(entry) }));
  }
}
