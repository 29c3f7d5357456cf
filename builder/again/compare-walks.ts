/** Two walks of one wide folder, as the tree tool's bytes: what differs, without making objects of all that does not. */
import { decodeScan, lastChangeAt, pathAt, type ScannedFile } from "../../store/native/scan.ts";

/** One path that is new, gone or other. `at` counts the records of the first walk before it. */
export interface Edit {
  readonly at: number;
  readonly before: ScannedFile | undefined;
  readonly now: ScannedFile | undefined;
}

/**
 * In the order of the paths. What changed at `racySince` (milliseconds) or later in the first walk counts as changed: a second change in the same
 * tick would not show. Undefined when there are more than `limit`.
 */
export function compareWalks(before: Buffer, now: Buffer, racySince: number, limit: number): readonly Edit[] | undefined {
  const edits: Edit[] = [];
  let left = 0;
  let right = 0;
  for (let at = 0; left < before.length || right < now.length;) {
    if (edits.length > limit) return undefined;
    const order = left >= before.length ? 1 : right >= now.length ? -1 : comparePaths(before, left, now, right);
    const leftEnd = order <= 0 ? left + before.readUInt32LE(left) : left;
    const rightEnd = order >= 0 ? right + now.readUInt32LE(right) : right;
    const isSame = order === 0 && before.compare(now, right, rightEnd, left, leftEnd) === 0 && lastChangeAt(before, left) < racySince;
    if (!isSame) edits.push({ at, before: decode(before, left, leftEnd), now: decode(now, right, rightEnd) });
    if (order <= 0) at++;
    left = leftEnd;
    right = rightEnd;
  }
  return edits.length > limit ? undefined : edits;
}

function comparePaths(before: Buffer, left: number, now: Buffer, right: number): number {
  const [leftPath, rightPath] = [pathAt(before, left), pathAt(now, right)];
  return before.compare(now, rightPath.start, rightPath.end, leftPath.start, leftPath.end);
}

function decode(bytes: Buffer, start: number, end: number): ScannedFile | undefined {
  return start === end ? undefined : decodeScan(bytes.subarray(start, end))[0];
}

export function countRecords(walk: Buffer): number {
  let count = 0;
  for (let at = 0; at < walk.length; at += walk.readUInt32LE(at)) count++;
  return count;
}
