/**
 * Plain progress as BuildKit prints it: `#5 [2/4] RUN make`, `#5 0.123 output`, `#5 CACHED`, `#5 DONE 0.1s`. One vertex speaks at a time;
 * what others say waits until it ends, they end, or it has spoken for long enough.
 */
import type { BuildEvent, Status } from "../../builder/progress.ts";
import type { ProgressView } from "./progress-view.ts";
import { bytesText, LineCutter, TAIL_LINES } from "./progress-lines.ts";

const SPEAKING_MS = 5000;
/** A status is repeated after so much more of its total, or so much time. */
const STATUS_PART = 0.05;
const STATUS_MS = 5000;
const STATUS_MIN_MS = 100;

interface Shown {
  readonly vertex: number;
  readonly name: string;
  readonly startedAt: number;
  readonly cutter: LineCutter;
  readonly statuses: Map<string, { readonly at: number; readonly startedAt: number; readonly current: number }>;
  pending: string[];
  tail: string[];
  isCached: boolean;
  isEnded: boolean;
  isFailed: boolean;
}

export class PlainProgress implements ProgressView {
  readonly #stream: { write(text: string): unknown };
  readonly #explain: boolean;
  readonly #now: () => number;
  readonly #vertices = new Map<number, Shown>();
  #speaking: Shown | undefined;
  #spokeSince = 0;
  #isFirst = true;
  #isPaused = false;
  #isEnded = false;

  /** `now`: milliseconds; a past build is shown by its own clock. */
  constructor(stream: { write(text: string): unknown }, explain: boolean, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#explain = explain;
    this.#now = now;
  }

  show(event: BuildEvent): void {
    const { vertex } = event;
    if (event.kind === "started") this.#vertices.set(vertex, newVertex(vertex, event.name, this.#now()));
    const shown = this.#vertices.get(vertex);
    if (shown === undefined) return;
    if (event.kind === "output") this.#output(shown, shown.cutter.push(event.data));
    else if (event.kind === "status") status(shown, event, this.#now());
    else if (event.kind === "cached") shown.isCached = true;
    else if (event.kind === "explained" && this.#explain) shown.pending.push(`EXPLAIN ${event.isHit ? "hit" : "miss"}: ${event.reason}`);
    else if (event.kind === "done" || event.kind === "failed") this.#ended(event, shown);
    if (!this.#isPaused) this.#speak(shown);
  }

  warn(): boolean {
    return false;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const shown of this.#vertices.values()) if (shown.pending.length > 0) this.#flush(shown);
    for (const { isFailed, name, tail } of this.#vertices.values()) {
      if (isFailed) this.#stream.write(["------", ` > ${name}:`, ...tail, "------", ""].join("\n"));
    }
  }

  #output(shown: Shown, lines: readonly string[]): void {
    const time = seconds(this.#now() - shown.startedAt);
    const timed = lines.map((line) => `${time} ${line}`);
    shown.pending.push(...timed);
    shown.tail = [...shown.tail, ...timed].slice(-TAIL_LINES);
  }

  #ended(event: Extract<BuildEvent, { kind: "done" | "failed" }>, shown: Shown): void {
    this.#output(shown, shown.cutter.finish());
    shown.isEnded = true;
    shown.isFailed = event.kind === "failed" && !event.isCancelled;
    const time = ((this.#now() - shown.startedAt) / 1000).toFixed(1);
    if (event.kind === "failed") shown.pending.push(event.isCancelled ? "CANCELED" : `ERROR: ${event.message}`);
    else shown.pending.push(shown.isCached ? "CACHED" : `DONE ${time}s`);
  }

  #speak(shown: Shown): void {
    const isTurn = this.#speaking === undefined || this.#speaking === shown || shown.isEnded || this.#now() - this.#spokeSince > SPEAKING_MS;
    if (!isTurn) return;
    this.#flush(shown);
    if (!shown.isEnded) return;
    const next = [...this.#vertices.values()].sort((a, b) => b.pending.length - a.pending.length)[0];
    if (next !== undefined && next.pending.length > 0) this.#flush(next);
  }

  #flush(shown: Shown): void {
    if (this.#speaking !== shown) {
      if (this.#speaking !== undefined) this.#stream.write(`#${this.#speaking.vertex} ...\n`);
      this.#stream.write(`${this.#isFirst ? "" : "\n"}#${shown.vertex} ${shown.name}\n`);
      this.#spokeSince = this.#now();
      this.#isFirst = false;
    }
    if (shown.pending.length > 0) this.#stream.write(shown.pending.map((line) => `#${shown.vertex} ${line}\n`).join(""));
    shown.pending = [];
    this.#speaking = shown.isEnded ? undefined : shown;
  }
}

function newVertex(vertex: number, name: string, startedAt: number): Shown {
  const empty = { pending: [], tail: [], isCached: false, isEnded: false, isFailed: false };
  return { vertex, name, startedAt, cutter: new LineCutter(), statuses: new Map(), ...empty };
}

function status(shown: Shown, { id, current, total = 0, isDone }: Status, now: number): void {
  const last = shown.statuses.get(id);
  const isNews =
    last === undefined ||
    isDone ||
    (total > 0 && (current - last.current) / total >= STATUS_PART && now - last.at >= STATUS_MIN_MS) ||
    now - last.at >= STATUS_MS;
  if (!isNews) return;
  const startedAt = last?.startedAt ?? now;
  shown.statuses.set(id, { at: now, startedAt, current });
  if (current === 0 && !isDone) return; // it has only begun
  const took = (now - startedAt) / 1000;
  shown.pending.push([id, bytesText({ current, total }), took > 0.01 ? `${took.toFixed(1)}s` : "", isDone ? "done" : ""].filter(Boolean).join(" "));
}

/** Fewer digits the longer it takes. */
function seconds(milliseconds: number): string {
  const took = milliseconds / 1000;
  return took.toFixed(took < 10 ? 3 : took < 100 ? 2 : 1);
}
