/** Which layer of one image stands for which of another: the same content, else the same instruction, in the same order. Pure. */

export interface AlignedLayer {
  /** Digest of the uncompressed layer. */
  readonly diffID: string;
  readonly instruction: string;
}

/** Indexes from 0; undefined where the other image has no such layer. */
export interface Pair {
  readonly before: number | undefined;
  readonly after: number | undefined;
}

const SAME_CONTENT = 3;
const SAME_INSTRUCTION = 2;

/** The pairing of the highest worth, as a longest common subsequence is found. */
export function alignLayers(before: readonly AlignedLayer[], after: readonly AlignedLayer[]): readonly Pair[] {
  const best = before.map(() => after.map(() => 0)).concat([[]]);
  const at = (i: number, j: number): number => best[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const pair = worth(before[i]!, after[j]!);
      best[i]![j] = Math.max(at(i + 1, j), at(i, j + 1), pair === 0 ? 0 : pair + at(i + 1, j + 1));
    }
  }
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [a, b] = [before[i], after[j]];
    const pair = a === undefined || b === undefined ? 0 : worth(a, b);
    if (pair > 0 && at(i, j) === pair + at(i + 1, j + 1)) pairs.push({ before: i++, after: j++ });
    else if (b === undefined || (a !== undefined && at(i + 1, j) >= at(i, j + 1))) pairs.push({ before: i++, after: undefined });
    else pairs.push({ before: undefined, after: j++ });
  }
  return pairs;
}

function worth(a: AlignedLayer, b: AlignedLayer): number {
  if (a.diffID === b.diffID) return SAME_CONTENT;
  return a.instruction !== "" && a.instruction === b.instruction ? SAME_INSTRUCTION : 0;
}
