/** Sets of completion indexes, and their text in a status: `0,2-4`. */

export type IndexSet = ReadonlySet<number>;

/** Indexes from `completions` on are left out. */
export function parseIndexes(text: string | undefined, completions: number): IndexSet {
  const found = new Set<number>();
  for (const part of (text ?? "").split(",").filter((one) => one !== "")) {
    const [first = 0, last = first] = part.split("-").map(Number);
    for (let index = first; index <= Math.min(last, completions - 1); index++) found.add(index);
  }
  return found;
}

/** Three and more in a row become a range. */
export function formatIndexes(indexes: IndexSet): string {
  const runs: [number, number][] = [];
  for (const index of [...indexes].toSorted((left, right) => left - right)) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === index - 1) run[1] = index;
    else runs.push([index, index]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`)).join(",");
}
