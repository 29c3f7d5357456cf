/** Live lines: what is done scrolls up, what is under way stays below with its time, its bytes and its last lines of output. */
import type { BuildEvent, Status } from "../../builder/progress.ts";
import type { ProgressView } from "./progress-view.ts";
import { cellsOf, cut, spread, visible } from "./progress-cells.ts";
import { bytesText, LineCutter } from "./progress-lines.ts";

const REDRAW_MS = 100;
/** Of a step under way, and of one that failed. */
const LIVE_LINES = 6;
const FAILED_LINES = 30;
/** As BuildKit's: done, canceled, failed; and what a step prints. */
const COLORS = { done: "34", cancelled: "33", failed: "31", faint: "2" } as const;

interface Live {
  readonly name: string;
  readonly startedAt: number;
  readonly cutter: LineCutter;
  readonly statuses: Map<string, Status & { readonly startedAt: number }>;
  tail: string[];
  isCached: boolean;
  /** Why it is made or not, when that was asked for. */
  reason: string | undefined;
}

interface Line {
  readonly left: string;
  readonly right: string;
  readonly color?: keyof typeof COLORS;
}

export interface TtyOptions {
  readonly explain: boolean;
  readonly colors: boolean;
}

export class TtyProgress implements ProgressView {
  readonly #stream: NodeJS.WriteStream;
  readonly #options: TtyOptions;
  readonly #live = new Map<number, Live>();
  readonly #startedAt = performance.now();
  readonly #failed: Live[] = [];
  readonly #onResize = (): void => this.#draw();
  #timer: NodeJS.Timeout | undefined;
  /** To be printed above, once and for all. */
  #above: Line[] = [];
  /** Widths of the lines that are there now. */
  #drawn: readonly number[] = [];
  #total = 0;
  #completed = 0;
  #isEnded = false;

  constructor(stream: NodeJS.WriteStream, options: TtyOptions) {
    this.#stream = stream;
    this.#options = options;
    this.resume();
  }

  show(event: BuildEvent): void {
    if (event.kind === "started") {
      this.#total++;
      const lists = { cutter: new LineCutter(), statuses: new Map<string, Status & { readonly startedAt: number }>(), tail: [] };
      this.#live.set(event.vertex, { name: visible(event.name), startedAt: performance.now(), isCached: false, reason: undefined, ...lists });
      return;
    }
    const live = this.#live.get(event.vertex);
    if (live === undefined) return;
    if (event.kind === "output") live.tail = [...live.tail, ...live.cutter.push(event.data)].slice(-FAILED_LINES);
    else if (event.kind === "status") live.statuses.set(event.id, { ...event, startedAt: live.statuses.get(event.id)?.startedAt ?? performance.now() });
    else if (event.kind === "cached") live.isCached = true;
    else if (event.kind === "explained") live.reason = this.#options.explain ? ` => => ${event.isHit ? "hit" : "miss"}: ${visible(event.reason)}` : undefined;
    else this.#ended(event, live);
  }

  warn(): boolean {
    return false;
  }

  /** What is under way stays on the screen: whoever gets the terminal sees what the steps printed. */
  pause(): void {
    clearInterval(this.#timer);
    this.#stream.off("resize", this.#onResize);
    if (!this.#isEnded) this.#above.push(...this.#underWay(this.#stream.rows || 24).slice(1));
    this.#draw([]);
  }

  resume(): void {
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS).unref();
    this.#stream.on("resize", this.#onResize);
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#above.push(...[...this.#live.values()].map((live) => ({ left: ` => ${live.name}`, right: elapsed(live.startedAt) })));
    this.#live.clear();
    if (this.#total > 0) this.#above.push(this.#header());
    this.pause();
    for (const { name, tail } of this.#failed) this.#stream.write(["------", ` > ${name}:`, ...tail.map(visible), "------", ""].join("\n"));
  }

  #ended(event: Extract<BuildEvent, { kind: "done" | "failed" }>, live: Live): void {
    this.#live.delete(event.vertex);
    const isFailed = event.kind === "failed" && !event.isCancelled;
    if (event.kind === "done") this.#completed++;
    live.tail = [...live.tail, ...live.cutter.finish()];
    if (isFailed) this.#failed.push(live);
    const how = event.kind === "done" ? (live.isCached ? "CACHED " : "") : event.isCancelled ? "CANCELED " : "ERROR ";
    const color = event.kind === "done" ? "done" : event.isCancelled ? "cancelled" : "failed";
    this.#above.push(
      { left: ` => ${how}${live.name}`, right: elapsed(live.startedAt), color },
      ...reasonLines(live),
      ...[...live.statuses.values()].map((one) => statusLine(one, color)),
    );
  }

  #header(): Line {
    const state = this.#isEnded && this.#completed === this.#total ? " FINISHED" : "";
    return { left: `[+] Building ${elapsed(this.#startedAt)} (${this.#completed}/${this.#total})${state}`, right: "" };
  }

  /** What is under way, in as many lines as the terminal has. */
  #underWay(rows: number): readonly Line[] {
    const lives = [...this.#live.values()];
    const room = Math.max(1, rows - 2);
    const shown = lives.length > room ? lives.slice(-Math.max(0, room - 1)) : lives;
    const hidden = lives.length - shown.length;
    const each = shown.length === 0 ? 0 : Math.floor((room - shown.length) / shown.length);
    const lines = shown.flatMap((live) => {
      const statuses = [...live.statuses.values()].filter(({ isDone }) => !isDone).map((one) => statusLine(one));
      const tail = [...live.tail, live.cutter.rest].map(visible).filter((line) => line.trim() !== "");
      const output = tail.slice(-LIVE_LINES).map((line): Line => ({ left: ` => => # ${line}`, right: "", color: "faint" }));
      const details = [...reasonLines(live), ...statuses, ...output];
      return [{ left: ` => ${live.name}`, right: elapsed(live.startedAt) }, ...(each === 0 ? [] : details.slice(-each))];
    });
    return [this.#header(), ...(hidden > 0 ? [{ left: ` => ${hidden} more`, right: "" }] : []), ...lines];
  }

  /** Over what is there, line by line: clearing first would flicker, and some terminals keep what is cleared. */
  #draw(lines: readonly Line[] = this.#underWay(this.#stream.rows || 24)): void {
    const columns = Math.max(2, this.#stream.columns || 80);
    const text = [...this.#above, ...lines].map((line) => `${this.#paint(line, columns - 1)}\u001b[K\n`).join("");
    this.#above = [];
    const up = this.#rowsDrawn(columns);
    if (up > 0 || text !== "") this.#stream.write(`\u001b[?25l${up > 0 ? `\u001b[${up}A\r` : ""}${text}\u001b[J\u001b[?25h`);
    this.#drawn = lines.map(({ left, right }) => (right === "" ? Math.min(columns - 1, cellsOf(left)) : columns - 1));
  }

  /** Lines that were drawn in a wider terminal take several rows now. */
  #rowsDrawn(columns: number): number {
    return this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
  }

  #paint({ left, right, color }: Line, width: number): string {
    const text = right === "" ? cut(left, width) : spread(left, right, width);
    return color === undefined || !this.#options.colors ? text : `\u001b[${COLORS[color]}m${text}\u001b[0m`;
  }
}

/** On lines of its own, whole: it is what was asked for. */
function reasonLines({ reason }: Live): readonly Line[] {
  return reason === undefined ? [] : [{ left: reason, right: "" }];
}

function statusLine(status: Status & { readonly startedAt: number }, color?: keyof typeof COLORS): Line {
  const left = ` => => ${status.id} ${bytesText(status)}`;
  return { left, right: elapsed(status.startedAt), ...(color === undefined ? {} : { color }) };
}

function elapsed(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)}s`;
}
