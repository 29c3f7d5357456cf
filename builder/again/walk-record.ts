/**
 * What a COPY of a wide folder saw when its layer was written whole: the walk, the text whose digest is the key of the files, and where they went.
 * It only saves time; one that is lost or damaged is as if there were none.
 */
import * as fs from "node:fs";
import type { ChainID } from "../../store/store.ts";
import { keepHint } from "../keep-hint.ts";
import { sidePath } from "../side-path.ts";

export interface WalkRecord {
  /** The parts of the step's key but for the files. */
  readonly parts: string;
  readonly chain: ChainID;
  /** Real path of the folder that was walked, and its permission bits. */
  readonly folder: string;
  readonly mode: number;
  /** Where it went, a real path of the image. */
  readonly target: string;
  /** Milliseconds. */
  readonly startedAt: number;
  readonly walk: Buffer;
  /** Two lines for the folder, then one for each record of the walk. */
  readonly lines: Buffer;
}

const LENGTH_BYTES = 12;

export function walkRecordPath(root: string, place: string): string {
  return sidePath(root, "walks", place);
}

export function loadWalkRecord(path: string): WalkRecord | undefined {
  try {
    const bytes = fs.readFileSync(path);
    const head = LENGTH_BYTES + bytes.readUInt32LE(0);
    const walk = head + bytes.readUInt32LE(4);
    if (bytes.length !== walk + bytes.readUInt32LE(8)) return undefined;
    const fields = JSON.parse(bytes.toString("utf8", LENGTH_BYTES, head)) as Omit<WalkRecord, "walk" | "lines">;
    return { ...fields, walk: bytes.subarray(head, walk), lines: bytes.subarray(walk) };
  } catch {
    return undefined;
  }
}

/** Best effort. */
export function saveWalkRecord(path: string, { walk, lines, ...fields }: WalkRecord): void {
  const head = Buffer.from(JSON.stringify(fields));
  const lengths = Buffer.alloc(LENGTH_BYTES);
  [head, walk, lines].forEach((part, index) => lengths.writeUInt32LE(part.length, 4 * index));
  keepHint(path, Buffer.concat([lengths, head, walk, lines]));
}
