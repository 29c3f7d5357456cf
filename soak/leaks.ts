/** What grew from one inventory to the next, and may not: the verdict of a long run. */

/** Counts by what was counted. */
export type Inventory = Readonly<Record<string, number>>;

/** What may be more afterwards: allocators and databases keep some of what they were given. All else is to be as before. */
const ALLOWED: Readonly<Record<string, number>> = {
  "memory, MiB": 64,
  "of that, program and libraries, MiB": 32,
  "heap in use, KiB": 8192,
  "heap reserved, MiB": 32,
  "buffers and code beside the heap, MiB": 16,
  "database, KiB": 4096,
  // Of the whole machine, where others come and go: shown, not judged.
  "cgroups of the machine, dying ones too": Infinity,
  "network namespaces in use": Infinity,
};

/** A line for each, and none when all is well. Decides, and does nothing. */
export function leaksOf(before: Inventory, after: Inventory): readonly string[] {
  return Object.entries(after).flatMap(([name, now]) => {
    const then = before[name] ?? 0;
    const allowed = ALLOWED[name] ?? 0;
    if (now - then <= allowed) return [];
    return [`${name}: ${then} before, ${now} after${allowed === 0 ? "" : `, ${allowed} more at most`}`];
  });
}
