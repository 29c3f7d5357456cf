/** The records of past builds, newest first. */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { isAbandoned } from "../../store/owner.ts";
import { BuilderError } from "../errors.ts";
import type { BuildEvent } from "../progress.ts";
import { historyFolder } from "./history-folder.ts";
import { parseLine, type RecordEnd, type RecordHead, type RecordLine } from "./record.ts";

/** Heads and ends are shorter: arguments of a process are. */
const EDGE_BYTES = 256 << 10;

export interface BuildSummary {
  readonly head: RecordHead;
  /** Undefined: it goes on, or it was cut off. */
  readonly end: RecordEnd | undefined;
  readonly status: RecordEnd["status"] | "Running" | "Interrupted";
}

export interface PastEvent {
  /** Milliseconds since the start. */
  readonly at: number;
  readonly event: BuildEvent;
}

export function listBuilds(root: string): readonly BuildSummary[] {
  return recordNames(root)
    .toReversed()
    .flatMap((name) => summaryOf(edges(join(historyFolder(root), name))) ?? []);
}

/** By id, the beginning of one, or `^N`, the N-th last; the last one without. @throws {BuilderError} `BUILD_UNKNOWN` */
export function findBuild(root: string, text = "^0"): BuildSummary {
  const builds = listBuilds(root);
  const place = /^\^(\d+)$/.exec(text)?.[1];
  const found = place === undefined ? builds.filter(({ head }) => head.id.startsWith(text)) : builds.slice(Number(place), Number(place) + 1);
  const [build, ...others] = found.some(({ head }) => head.id === text) ? found.filter(({ head }) => head.id === text) : found;
  const hint = { hint: "'strata build history ls' lists the builds" };
  if (build === undefined) throw new BuilderError("BUILD_UNKNOWN", `Cannot find build ${text}: there is no record of it`, hint);
  if (others.length > 0) throw new BuilderError("BUILD_UNKNOWN", `Cannot find build ${text}: ${found.length} ids begin so`, hint);
  return build;
}

export interface PastBuild extends BuildSummary {
  readonly events: readonly PastEvent[];
  /** Bytes of output that were too many to keep. */
  readonly lost: number;
}

export function readBuild(root: string, text?: string): PastBuild {
  const summary = findBuild(root, text);
  const lines = readFileSync(join(historyFolder(root), `${summary.head.id}.jsonl`), "utf8")
    .split("\n")
    .flatMap((line) => parseLine(line) ?? []);
  const events = lines.flatMap((line) => ("event" in line ? [line] : []));
  return { ...summary, events, lost: lines.reduce((sum, line) => ("lost" in line ? sum + line.lost : sum), 0) };
}

/** Idempotent. */
export function removeBuild(root: string, id: string): void {
  try {
    unlinkSync(join(historyFolder(root), `${id}.jsonl`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function recordNames(root: string): readonly string[] {
  try {
    return readdirSync(historyFolder(root))
      .filter((name) => name.endsWith(".jsonl"))
      .sort();
  } catch {
    return [];
  }
}

function summaryOf([first, last]: readonly (RecordLine | undefined)[]): BuildSummary | undefined {
  if (first === undefined || !("head" in first)) return undefined;
  const end = last !== undefined && "end" in last ? last.end : undefined;
  return { head: first.head, end, status: end?.status ?? (isAbandoned(first.head.owner) ? "Interrupted" : "Running") };
}

/** The first and the last line, without what is between. */
function edges(path: string): readonly (RecordLine | undefined)[] {
  try {
    const file = openSync(path, "r");
    try {
      const { size } = fstatSync(file);
      const head = part(file, 0, size);
      const tail = part(file, Math.max(0, size - EDGE_BYTES), size);
      return [parseLine(head.split("\n", 1)[0] ?? ""), parseLine(tail.trimEnd().split("\n").at(-1) ?? "")];
    } finally {
      closeSync(file);
    }
  } catch {
    return []; // removed just now
  }
}

function part(file: number, from: number, size: number): string {
  const bytes = Buffer.alloc(Math.min(EDGE_BYTES, size - from));
  return bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, from));
}
