/**
 * Writes the record of a build while it goes on. A build that the cache answers is over before anything is written: its record is
 * one small write at the end. Nothing here fails a build: a record that cannot be written is given up.
 */
import { closeSync, mkdirSync, openSync, readdirSync, statSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { BuildEvent } from "../progress.ts";
import { formatLine, type RecordEnd, type RecordHead, type RecordLine } from "./record.ts";

/** What a killed process may lose of the log. */
const FLUSH_MS = 100;
const FLUSH_CHARS = 64 << 10;
/** Of one build; what comes after is counted only. */
const MAX_OUTPUT_BYTES = 64 << 20;
export const MAX_RECORDS = 100;
const MAX_TOTAL_BYTES = 512 << 20;

export class Recorder {
  readonly #folder: string;
  readonly #head: RecordHead;
  readonly #startedAt = performance.now();
  readonly #counts = { total: 0, completed: 0, cached: 0 };
  #pending: string;
  #pendingTimer: NodeJS.Timeout | undefined;
  #file: number | undefined;
  #outputBytes = 0;
  #lost = 0;
  #isGivenUp = false;

  constructor(folder: string, head: RecordHead) {
    this.#folder = folder;
    this.#head = head;
    this.#pending = formatLine({ head });
  }

  show(event: BuildEvent): void {
    if (event.kind === "started") this.#counts.total++;
    else if (event.kind === "cached") this.#counts.cached++;
    else if (event.kind === "done") this.#counts.completed++;
    else if (event.kind === "output") {
      this.#outputBytes += event.data.length;
      if (this.#outputBytes > MAX_OUTPUT_BYTES) {
        this.#lost += event.data.length;
        return;
      }
    }
    this.#add({ at: Math.round(performance.now() - this.#startedAt), event });
  }

  end(end: Omit<RecordEnd, "duration" | "steps">): void {
    clearTimeout(this.#pendingTimer);
    if (this.#isGivenUp) return;
    if (this.#lost > 0) this.#pending += formatLine({ lost: this.#lost });
    this.#pending += formatLine({ end: { ...end, duration: Math.round(performance.now() - this.#startedAt), steps: this.#counts } });
    this.#flush();
    if (this.#file !== undefined) closeSync(this.#file);
    this.#isGivenUp = true;
    prune(this.#folder, this.#outputBytes > 0);
  }

  #add(line: RecordLine): void {
    if (this.#isGivenUp) return;
    this.#pending += formatLine(line);
    if (this.#pending.length > FLUSH_CHARS) this.#flush();
    else this.#pendingTimer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref();
  }

  #flush(): void {
    clearTimeout(this.#pendingTimer);
    this.#pendingTimer = undefined; // or no line after this one would start another
    this.#pendingTimer = undefined;
    const text = this.#pending;
    this.#pending = "";
    if (this.#isGivenUp) return;
    try {
      this.#file ??= create(this.#folder, this.#head.id);
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
    } catch {
      this.#isGivenUp = true; // a full disk, say: the build has worse to tell
    }
  }
}

/** Arguments and output may be nobody else's business. */
function create(folder: string, id: string): number {
  const path = join(folder, `${id}.jsonl`);
  try {
    return openSync(path, "ax", 0o600);
  } catch {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return openSync(path, "ax", 0o600);
  }
}

/** The oldest go first; their names begin with their time. */
function prune(folder: string, bySize: boolean): void {
  try {
    const names = readdirSync(folder).sort();
    const kept = names.slice(-MAX_RECORDS);
    const gone = names.slice(0, -MAX_RECORDS);
    if (bySize) {
      let total = kept.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
      while (total > MAX_TOTAL_BYTES && kept.length > 1) {
        const oldest = kept.shift() ?? "";
        total -= statSync(join(folder, oldest)).size;
        gone.push(oldest);
      }
    }
    for (const name of gone) unlinkSync(join(folder, name));
  } catch {
    // another build does the same just now
  }
}
