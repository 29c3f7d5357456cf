/** Which parts of the build cache go: pure. Oldest first, what stands on another before it, until so much is left. */

export interface CacheEntry {
  /** A stack's name, or the folder of a cache mount. */
  readonly id: string;
  readonly parent?: string | undefined;
  readonly kind: "step" | "mount";
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly made: number;
  readonly at: number;
  /** An image, a container or a build at work holds it, too: without it nothing would be freed. */
  readonly isShared: boolean;
  /** The instruction, or the mount's id. */
  readonly description: string;
}

export interface PruneOptions {
  /** Milliseconds since the epoch: what was used since then stays. */
  readonly before?: number | undefined;
  /** Bytes that may stay. Undefined: nothing needs to. */
  readonly keep?: number | undefined;
  /** Also forget steps whose layers others hold. */
  readonly all?: boolean;
}

/** What is used counts for what it stands on. */
export function planPrune(entries: readonly CacheEntry[], { before = Infinity, keep, all = false }: PruneOptions): readonly CacheEntry[] {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const lastUse = new Map(entries.map(({ id, at }) => [id, at]));
  for (const entry of entries) {
    for (let up = parentOf(entry, byId); up !== undefined && lastUse.get(up.id)! < entry.at; up = parentOf(up, byId)) lastUse.set(up.id, entry.at);
  }
  const depth = ({ parent }: CacheEntry): number => {
    let steps = 0;
    for (let up = parent === undefined ? undefined : byId.get(parent); up !== undefined; up = parentOf(up, byId)) steps++;
    return steps;
  };
  const candidates = entries
    .filter((entry) => (all || !entry.isShared) && lastUse.get(entry.id)! < before)
    .map((entry) => ({ entry, at: lastUse.get(entry.id)!, depth: depth(entry) }))
    .sort((a, b) => a.at - b.at || b.depth - a.depth || (a.entry.id < b.entry.id ? -1 : 1));
  let left = cacheBytes(entries);
  const gone: CacheEntry[] = [];
  for (const { entry } of candidates) {
    if (keep !== undefined && left <= keep) break;
    gone.push(entry);
    if (!entry.isShared) left -= entry.size;
  }
  return gone;
}

/** What nothing but the cache holds. */
export function cacheBytes(entries: readonly CacheEntry[]): number {
  return entries.reduce((sum, { size, isShared }) => sum + (isShared ? 0 : size), 0);
}

function parentOf({ parent }: CacheEntry, byId: ReadonlyMap<string, CacheEntry>): CacheEntry | undefined {
  return parent === undefined ? undefined : byId.get(parent);
}
