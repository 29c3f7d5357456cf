/** A container's log as lines, from the file that the monitor writes; following waits for the kernel to tell of growth. */
import { watch } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerRecord, LogLine, LogOptions } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { parseLogLine, parseMoment } from "./log-lines.ts";
import { containerFolder, type Parts } from "./parts.ts";
import { inspect, isLive } from "./status.ts";

const CHUNK_BYTES = 64 * 1024;
/** Where inotify tells nothing (some network file systems), and when the end itself writes nothing. */
const FALLBACK_MS = 500;
const NEWLINE = 10;

export function logPath(parts: Parts, record: ContainerRecord): string {
  return record.options.log?.path ?? join(containerFolder(parts, record.id), "log.json");
}

/** @throws {RuntimeError} `CONTAINER_UNKNOWN`, `SPEC_INVALID` on the first step */
export async function* readLogs(parts: Parts, reference: string, options: LogOptions = {}): AsyncIterable<LogLine> {
  const record = parts.records.find(reference);
  const inRange = rangeOf(options);
  const lines = readLines(parts, record, options);
  const format = record.options.log?.format ?? "json";
  for await (const line of lines) {
    const parsed = parseLogLine(line, format);
    if (parsed !== undefined && inRange(parsed)) yield parsed;
  }
}

function rangeOf(options: LogOptions): (line: LogLine) => boolean {
  const since = moment(options.since);
  const until = moment(options.until);
  return (line) => {
    const at = Date.parse(line.time);
    return (since === undefined || at >= since) && (until === undefined || at <= until);
  };
}

function moment(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = parseMoment(text, Date.now());
  if (parsed === undefined) throw new RuntimeError("SPEC_INVALID", `Cannot read ${JSON.stringify(text)} as a time`);
  return parsed;
}

async function* readLines(parts: Parts, record: ContainerRecord, options: LogOptions): AsyncIterable<string> {
  const path = logPath(parts, record);
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" && options.follow !== true) return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    const tail = await tailOf(file, options.tail);
    yield* tail.lines;
    if (options.follow === true) yield* follow(parts, record, file, path, tail, options.signal);
  } finally {
    await file.close();
  }
}

interface Tail {
  readonly lines: readonly string[];
  /** Where reading goes on, and the start of a line that is not whole yet. */
  readonly offset: number;
  readonly rest: Buffer;
}

/** Reads forward in bounded pieces and keeps the last `count` lines. */
async function tailOf(file: FileHandle, count: number | undefined): Promise<Tail> {
  let lines: string[] = [];
  let state: { readonly offset: number; readonly rest: Buffer } = { offset: 0, rest: Buffer.alloc(0) };
  for (;;) {
    const next = await readMore(file, state.offset, state.rest);
    state = next;
    lines.push(...next.lines);
    if (count !== undefined && lines.length > count) lines = count === 0 ? [] : lines.slice(-count);
    if (next.read === 0) return { ...state, lines };
  }
}

async function readMore(
  file: FileHandle,
  offset: number,
  rest: Buffer,
): Promise<{ readonly read: number; readonly offset: number; readonly rest: Buffer; readonly lines: readonly string[] }> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, offset);
  const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
  const end = bytes.lastIndexOf(NEWLINE);
  const lines = end < 0 ? [] : bytes.subarray(0, end).toString().split("\n");
  return { read: bytesRead, offset: offset + bytesRead, rest: Buffer.from(bytes.subarray(end + 1)), lines };
}

/** Ends when the container has ended and all it wrote was read, or on `signal`. */
async function* follow(
  parts: Parts,
  record: ContainerRecord,
  file: FileHandle,
  path: string,
  tail: Tail,
  signal: AbortSignal | undefined,
): AsyncIterable<string> {
  let { offset, rest } = tail;
  using changes = changesOf(path, signal);
  for (;;) {
    const over = !(await stillRuns(parts, record.id)); /* asked before reading: what was written before the end is read after it */
    for (;;) {
      const next = await readMore(file, offset, rest);
      ({ offset, rest } = next);
      yield* next.lines;
      if (next.read === 0) break;
    }
    if (over || signal?.aborted === true) return;
    await changes.next();
  }
}

async function stillRuns(parts: Parts, id: string): Promise<boolean> {
  const record = parts.records.get(id);
  if (record === undefined) return false;
  const { status } = await inspect(parts, record);
  return isLive(status) || status.status === "restarting";
}

function changesOf(path: string, signal: AbortSignal | undefined): Disposable & { next(): Promise<void> } {
  let wake: () => void = () => {};
  let pending = false;
  const notice = (): void => {
    pending = true;
    wake();
  };
  const watcher = watch(path, notice);
  signal?.addEventListener("abort", notice);
  return {
    async next(): Promise<void> {
      if (!pending) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, FALLBACK_MS);
          wake = (): void => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      pending = false;
    },
    [Symbol.dispose](): void {
      watcher.close();
      signal?.removeEventListener("abort", notice);
    },
  };
}
