/**
 * COPY of a wide folder of which little changed: what changed is found by comparing the walk with the one that the last whole layer was made of,
 * and the new layer is that one, amended. Everything out of the ordinary is left to the way that looks at every file.
 */
import { createHash } from "node:crypto";
import { decodeName } from "../../store/file-names.ts";
import type { ChainID, LayerEntry } from "../../store/store.ts";
import type { SourceEntry } from "../context/tree.ts";
import { hasWildcard } from "../context/go-match.ts";
import { RACY_MS } from "../context/walk.ts";
import { parseMode } from "../copy/file-mode.ts";
import { resolveOwner } from "../copy/owner.ts";
import { layerEntry } from "../copy/place.ts";
import type { CopyAction } from "../plan/graph.ts";
import type { KeyParts } from "../solve/key.ts";
import type { Making, SolveScope } from "../solve/scope.ts";
import { compareWalks, countRecords, type Edit } from "./compare-walks.ts";
import { readFiles, type ReadFile } from "./read-files.ts";
import { changedSince, loadLastEdits, saveLastEdits, type LastEdits } from "./last-edits.ts";
import { countLines, editLines, HEAD_LINES, type EditedLines } from "./selection-lines.ts";
import { loadWalkRecord, saveWalkRecord, walkRecordPath, type WalkRecord } from "./walk-record.ts";

/** More are copied as quickly by looking at every file. */
const MAX_EDITS = 200;

export interface CopyAgain {
  /** Stands for the files in the key, as `selectionDigest` does. */
  readonly digest: string;
  /** Undefined: it has to be made the other way. */
  make(making: Making): Promise<ChainID | undefined>;
}

/** One folder of the context, taken as it is. */
export function isWholeFolder({ origin, patterns, exclude, parents, unpack, inline, urls, git = [] }: CopyAction): boolean {
  const isOne = patterns.length === 1 && inline.length + urls.length + git.length + exclude.length === 0;
  return isOne && origin.kind === "context" && !parents && unpack === "never" && !hasWildcard(patterns[0]!);
}

/** `parts` without the files. Undefined when there is nothing to go on, or too much changed. */
export async function copyAgain(
  action: CopyAction,
  parent: ChainID | undefined,
  parts: KeyParts,
  place: string,
  scope: SolveScope,
): Promise<CopyAgain | undefined> {
  const record = loadWalkRecord(walkRecordPath(scope.collaborators.store.root, place));
  if (record === undefined || record.parts !== JSON.stringify(parts)) return undefined;
  const walk = await (await scope.treeOf(action.origin)).wide?.(action.patterns[0]!);
  if (walk === undefined || walk.folder !== record.folder || walk.mode !== record.mode) return undefined;
  const edits = compareWalks(record.walk, walk.bytes, record.startedAt - RACY_MS, MAX_EDITS);
  if (edits === undefined || !edits.every(isPlain)) return undefined;
  const entries = edits.map(({ now }) => (now === undefined ? undefined : walk.entryOf(now)));
  const files = readFiles(entries);
  if (files === undefined) return undefined;
  const lineEdits = edits.map((edit, index) => ({ ...edit, entry: entries[index], digest: files[index]?.digest ?? "" }));
  const change = { edits, entries, files, lines: editLines(record.lines, lineEdits, pathIn(record), countOf(record, edits)) };
  const hash = createHash("sha256");
  for (const piece of change.lines.pieces) hash.update(piece);
  return { digest: hash.digest("hex"), make: async (making) => await amend(action, parent, record, change, making, scope) };
}

interface Change {
  readonly edits: readonly Edit[];
  readonly entries: readonly (SourceEntry | undefined)[];
  readonly files: readonly (ReadFile | undefined)[];
  readonly lines: EditedLines;
}

/** Files with one name, folders, symlinks, each in the place of its like. */
function isPlain({ before, now }: Edit): boolean {
  const all = [before, now].flatMap((file) => file ?? []);
  const areFew = all.every(({ type, nlink, xattrs }) => type === "directory" || type === "symlink" || (type === "file" && nlink === 1 && xattrs === undefined));
  return areFew && (before === undefined || now === undefined || before.type === now.type);
}

/** The first line of a selection: its path, then how many entries it has. */
function pathIn({ lines }: WalkRecord): string {
  return decodeName(lines.subarray(0, lines.indexOf(0)));
}

function countOf({ lines }: WalkRecord, edits: readonly Edit[]): number {
  const count = Number(lines.toString("utf8", lines.indexOf(0) + 1, lines.indexOf("\n")));
  return edits.reduce((sum, { before, now }) => sum + Number(now !== undefined) - Number(before !== undefined), count);
}

async function amend(
  action: CopyAction,
  parent: ChainID | undefined,
  record: WalkRecord,
  change: Change,
  making: Making,
  scope: SolveScope,
): Promise<ChainID | undefined> {
  const { snapshots } = scope.collaborators.store;
  const below = await snapshots.view(parent);
  const pathOf = (path: string): string => (record.target === "" ? path : `${record.target}/${path}`);
  const owner = action.chown === undefined ? undefined : await resolveOwner(action.chown, below);
  const options = { owner, mode: action.chmod === undefined ? undefined : parseMode(action.chmod), epoch: scope.epoch };
  const entries: LayerEntry[] = [];
  const removed: string[] = [];
  for (const [index, { before }] of change.edits.entries()) {
    const source = change.entries[index];
    if (source === undefined) removed.push(pathOf(before!.path));
    else if (!isAsBefore(change, index, scope.epoch)) {
      const path = pathOf(source.path);
      if (before === undefined && (await below.lookup(path, { follow: false })) !== undefined) return undefined; // it may not go there
      entries.push(layerEntry({ ...source, ...bytesOf(change.files[index]) }, path, options));
    }
  }
  const lastPath = lastEditsPath(scope, making.place);
  const now = editsOf(change, pathOf);
  making.explain(changedSince(loadLastEdits(lastPath), now));
  scope.signal.throwIfAborted();
  const layer = await snapshots.amend(parent, record.chain, { entries, removed });
  if (layer !== undefined) saveLastEdits(lastPath, now);
  return layer?.chainID;
}

/** What went in would come out the same: its line is, and its time as far as the layer shows it. */
function isAsBefore({ edits, lines }: Change, index: number, epoch: number): boolean {
  const { before, now } = edits[index]!;
  if (before === undefined || now === undefined || lines.before[index] !== lines.now[index]) return false;
  return Math.min(before.mtime, epoch) === Math.min(now.mtime, epoch);
}

function bytesOf(file: ReadFile | undefined): Partial<SourceEntry> {
  return file === undefined ? {} : { bytes: file.bytes };
}

function editsOf({ edits, lines }: Change, pathOf: (path: string) => string): LastEdits {
  return new Map(edits.map(({ before, now }, index) => [pathOf((now ?? before)!.path), [lines.before[index] ?? null, lines.now[index] ?? null]]));
}

function lastEditsPath({ collaborators }: SolveScope, place: string): string {
  return `${walkRecordPath(collaborators.store.root, place)}.last`;
}

/** After the layer was written whole: what the next build needs to make it again. */
export function rememberCopy(record: WalkRecord, place: string, scope: SolveScope): void {
  if (countRecords(record.walk) + HEAD_LINES !== countLines(record.lines)) return; // a socket, or a name with a line break
  saveWalkRecord(walkRecordPath(scope.collaborators.store.root, place), record);
  saveLastEdits(lastEditsPath(scope, place), new Map());
}
