/** COPY and ADD: what is selected, and the key by its content. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { ownedName } from "../../store/owner.ts";
import type { ChainID } from "../../store/store.ts";
import type { Fingerprint, Source, SourceEntry } from "../context/tree.ts";
import type { Placed } from "../copy/place.ts";
import type { CopyAction, InlineFile } from "../plan/graph.ts";
import type { RemoteFiles } from "../remote/add-sources.ts";
import type { CopyAgain } from "../again/copy-again.ts";
import { BuilderError } from "../errors.ts";
import { selectionOf, type Selection } from "./copy-selection.ts";
import { copyParts, linkParts, type KeyParts, type StepScope } from "./key.ts";
import type { SolveScope, Work } from "./scope.ts";

export async function copyWork(action: CopyAction, parent: ChainID | undefined, place: string, scope: SolveScope): Promise<Work> {
  const step: StepScope = { parent, epoch: scope.epoch, platform: scope.platform };
  const rest = { ...copyParts(action, "", step), "context modes": scope.request.contextModes };
  let selected: Promise<Selection> | undefined;
  const selection = async (): Promise<Selection> => await (selected ??= select(action, scope));
  let again: CopyAgain | undefined;
  let digest: string | undefined;
  const remote =
    action.urls.length === 0 && action.git === undefined ? undefined : await (await import("../remote/add-sources.ts")).resolveSources(action, scope);
  const quick = remote === undefined ? await quickFiles(action, scope) : undefined;
  const work: Work = {
    ...(quick === undefined
      ? {}
      : { quick: { parts: copyParts(action, quick.text, step), isLocal: action.origin.kind === "context", isLasting: () => quick.isSettled() } }),
    async full() {
      if (digest === undefined) {
        again = remote === undefined ? await lookAgain(action, parent, rest, place, scope) : undefined;
        digest = again?.digest ?? (await selection()).digest;
      }
      return copyParts(action, remote === undefined ? digest : `${digest} ${remote.digest}`, step);
    },
    ...(action.link ? { anywhere: async () => linkParts(await work.full(), await ownerText(action, parent, scope)) } : {}),
    async make(making) {
      const chain = await again?.make(making);
      if (chain !== undefined) return chain;
      const { writeCopy } = await import("./copy-layer.ts"); // not needed while the cache answers
      const found = await selection();
      const whole = remote === undefined ? found : withRemote(found, await remote.open(), action);
      const total = bytesOf(whole);
      making.vertex.status({ id: "transferring files", current: 0, total, isDone: false });
      const written = await writeCopy(action, parent, whole, { ...making, rest }, scope);
      making.vertex.status({ id: "transferring files", current: total, total, isDone: true });
      if (remote === undefined) digest = written.selection.digest;
      else if (written.selection !== whole) throw changed(action);
      return written.chain;
    },
  };
  return work;
}

async function ownerText({ chown }: CopyAction, parent: ChainID | undefined, { collaborators }: SolveScope): Promise<string> {
  if (chown === undefined || /^[\d:]*$/.test(chown)) return chown ?? "";
  const { resolveOwner } = await import("../copy/owner.ts");
  const { uid, gid } = await resolveOwner(chown, await collaborators.store.snapshots.view(parent));
  return `${uid}:${gid}`;
}

function bytesOf({ placed }: Selection): number {
  return placed.reduce((sum, { source }) => sum + source.entries.reduce((bytes, { size }) => bytes + size, 0), 0);
}

async function lookAgain(action: CopyAction, parent: ChainID | undefined, parts: KeyParts, place: string, scope: SolveScope): Promise<CopyAgain | undefined> {
  if (action.patterns.length === 0 || action.origin.kind !== "context" || !(await scope.treeOf(action.origin)).isWide) return undefined;
  const { copyAgain, isWholeFolder } = await import("../again/copy-again.ts");
  return isWholeFolder(action) ? await copyAgain(action, parent, parts, place, scope) : undefined;
}

/** What stands for the files without reading them: the stack they are in, or the stat data of the folder. */
async function quickFiles(action: CopyAction, scope: SolveScope): Promise<Fingerprint | undefined> {
  if (action.origin.kind !== "context") return { text: `stack ${await scope.chainOf(action.origin)}`, isSettled: () => true };
  const [pattern, ...more] = action.patterns;
  if (pattern === undefined || more.length > 0) return undefined;
  const fingerprint = await (await scope.treeOf(action.origin)).fingerprint?.(pattern, { exclude: action.exclude, parents: action.parents });
  return fingerprint === undefined ? undefined : { ...fingerprint, text: `stat ${fingerprint.text}` };
}

async function select(action: CopyAction, scope: SolveScope): Promise<Selection> {
  const tree = action.patterns.length === 0 ? undefined : await scope.treeOf(action.origin);
  const placed: Placed[] = [];
  const digests = new Map<SourceEntry, string>();
  for (const pattern of action.patterns) {
    for (const source of (await tree?.select(pattern, { exclude: action.exclude, parents: action.parents })) ?? []) {
      const found = (await tree?.digests(source.entries)) ?? [];
      source.entries.forEach((entry, index) => digests.set(entry, found[index] ?? ""));
      placed.push({ pattern, source });
    }
  }
  for (const file of action.inline.map(inlineSource)) {
    placed.push({ pattern: file.pattern, source: file.source });
    for (const entry of file.source.entries) digests.set(entry, file.digest);
  }
  const gone = new Set([...digests].flatMap(([entry, digest]) => (entry.type === "file" && digest === "" ? [entry] : [])));
  if (gone.size === 0) return selectionOf(placed, digests);
  const { settle } = await import("./copy-settle.ts");
  const settled = settle(placed, gone, join(scope.scratch, ownedName()), scope.request.contextModes);
  return selectionOf(settled.placed, new Map([...digests, ...settled.digests]));
}

/** The key was told from files that have changed since. */
function changed({ patterns }: CopyAction): BuilderError {
  return new BuilderError("SOURCE_CHANGED", `Cannot copy ${patterns.join(" ")}: it changed while it was copied`, {
    hint: "Build again when nothing writes to the context",
  });
}

/** What comes from elsewhere is brought only for a layer that is made. */
function withRemote(selection: Selection, { placed, digests }: RemoteFiles, { order = [] }: CopyAction): Selection {
  const rank = ({ pattern }: Placed): number => (order.includes(pattern) ? order.indexOf(pattern) : order.length);
  const all = [...selection.placed, ...placed].sort((a, b) => rank(a) - rank(b));
  return { ...selection, placed: all, digests: new Map([...selection.digests, ...digests]) };
}

/** Content that no tree holds. */
interface Extra {
  readonly pattern: string;
  readonly source: Source;
  readonly digest: string;
}

function inlineSource({ name, content }: InlineFile): Extra {
  const bytes = Buffer.from(content);
  const entry: SourceEntry = { path: "", type: "file", mode: 0o644, uid: 0, gid: 0, mtime: Number.MAX_SAFE_INTEGER, size: bytes.length, file: "", bytes };
  return { pattern: name, source: { path: name, entries: [entry] }, digest: createHash("sha256").update(bytes).digest("hex") };
}
