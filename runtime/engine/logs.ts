/** A container's log as lines, from the files that the monitor writes; following waits for the kernel to tell of growth. */
import { join } from "node:path";
import type { ContainerRecord, LogLine, LogOptions } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { changesOf } from "./log-changes.ts";
import { followLines, openLogFiles, tailLines } from "./log-files.ts";
import { parseLogLine } from "./log-lines.ts";
import { parseNanoseconds } from "./moment.ts";
import { containerFolder, type Parts } from "./parts.ts";
import { inspect, isLive } from "./status.ts";

/** Of Node's timers. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function logPath(parts: Parts, record: ContainerRecord): string {
  return record.options.log?.path ?? join(containerFolder(parts, record.id), "log.json");
}

/** @throws {RuntimeError} `CONTAINER_UNKNOWN`, `SPEC_INVALID` on the first step */
export async function* readLogs(parts: Parts, reference: string, options: LogOptions = {}): AsyncIterable<LogLine> {
  const record = parts.records.find(reference);
  if (record.options.unlogged === true)
    throw new RuntimeError("UNSUPPORTED", `Cannot read the log of container ${record.name}: it was made with --log-driver none`);
  const { since, until } = rangeOf(options);
  const lines = readLines(parts, record, { ...options, ...endingAt(until, options) });
  const format = record.options.log?.format ?? "json";
  for await (const line of lines) {
    const parsed = parseLogLine(line, format);
    if (parsed === undefined) continue;
    const at = until === undefined && since === undefined ? 0n : (parseNanoseconds(parsed.time, 0) ?? 0n);
    if (until !== undefined && at > until) {
      if (options.follow === true) return; // nothing that comes is before it
    } else if (since === undefined || at >= since) yield parsed;
  }
}

interface Range {
  readonly since: bigint | undefined;
  readonly until: bigint | undefined;
}

function rangeOf(options: LogOptions): Range {
  return { since: moment(options.since), until: moment(options.until) };
}

function moment(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const parsed = parseNanoseconds(text, Date.now());
  if (parsed === undefined) throw new RuntimeError("SPEC_INVALID", `Cannot read ${JSON.stringify(text)} as a time`);
  return parsed;
}

/** Nothing is waited for past `until`. */
function endingAt(until: bigint | undefined, { follow, signal }: LogOptions): LogOptions {
  if (follow !== true || until === undefined) return {};
  const left = Number(until / 1_000_000n) - Date.now();
  if (left <= 0) return { follow: false };
  const end = AbortSignal.timeout(Math.min(left, MAX_TIMER_MS));
  return { signal: signal === undefined ? end : AbortSignal.any([signal, end]) };
}

async function* readLines(parts: Parts, record: ContainerRecord, options: LogOptions): AsyncIterable<string> {
  const path = logPath(parts, record);
  const files = await openLogFiles(path);
  try {
    for await (const lines of tailLines(files, options.tail)) yield* lines;
    if (options.follow !== true) return;
    using changes = changesOf(path, options.signal);
    const stillRunning = async (): Promise<boolean> => await stillRuns(parts, record.id);
    for await (const lines of followLines(path, files.at(-1), { changes, stillRuns: stillRunning, signal: options.signal })) yield* lines;
  } finally {
    await Promise.all(files.map(async (file) => await file[Symbol.asyncDispose]()));
  }
}

async function stillRuns(parts: Parts, id: string): Promise<boolean> {
  const record = parts.records.get(id);
  if (record === undefined) return false;
  const { status } = await inspect(parts, record);
  return isLive(status) || status.status === "restarting";
}
