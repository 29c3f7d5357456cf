/** Live lines: what is done scrolls up, what is under way stays below with its time and its last line of output. */
import type { BuildEvent } from "../../builder/progress.ts";
import type { ProgressView } from "./progress.ts";

const REDRAW_MS = 100;
const TAIL_LINES = 12;

interface Live {
  readonly name: string;
  readonly startedAt: number;
  tail: string[];
  isCached: boolean;
}

export class TtyProgress implements ProgressView {
  readonly #stream: NodeJS.WriteStream;
  readonly #explain: boolean;
  readonly #live = new Map<number, Live>();
  readonly #timer: NodeJS.Timeout;
  #drawn = 0;

  constructor(stream: NodeJS.WriteStream, explain: boolean) {
    this.#stream = stream;
    this.#explain = explain;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#timer.unref();
  }

  show(event: BuildEvent): void {
    if (event.kind === "started") {
      this.#live.set(event.vertex, { name: event.name, startedAt: performance.now(), tail: [], isCached: false });
      return;
    }
    const live = this.#live.get(event.vertex);
    if (live === undefined) return;
    if (event.kind === "output")
      live.tail = [
        ...live.tail,
        ...Buffer.from(event.data)
          .toString("utf8")
          .split(/[\r\n]+/)
          .filter(Boolean),
      ].slice(-TAIL_LINES);
    else if (event.kind === "cached") live.isCached = true;
    else if (event.kind === "explained") this.#explained(live.name, event);
    else this.#ended(event, live);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#erase();
  }

  #explained(name: string, { isHit, reason }: Extract<BuildEvent, { kind: "explained" }>): void {
    if (this.#explain) this.#print(` ${isHit ? "hit " : "miss"} ${name}: ${reason}`);
  }

  #ended(event: Extract<BuildEvent, { kind: "done" | "failed" }>, live: Live): void {
    this.#live.delete(event.vertex);
    const how = event.kind === "done" ? (live.isCached ? "CACHED " : "") : event.isCancelled ? "CANCELED " : "ERROR ";
    this.#print(` => ${how}${live.name}  ${elapsed(live)}`);
    if (event.kind === "failed" && !event.isCancelled) for (const line of live.tail) this.#print(`    ${line}`);
  }

  #print(line: string): void {
    this.#erase();
    this.#stream.write(`${line}\n`);
    this.#draw();
  }

  #draw(): void {
    this.#erase();
    const width = this.#stream.columns || 80;
    const lines = [...this.#live.values()].flatMap((live) => [` => ${live.name}  ${elapsed(live)}`, ...live.tail.slice(-1).map((line) => `    ${line}`)]);
    this.#stream.write(lines.map((line) => `${line.slice(0, width - 1)}\n`).join(""));
    this.#drawn = lines.length;
  }

  #erase(): void {
    if (this.#drawn > 0) this.#stream.write(`\u001b[${this.#drawn}A\u001b[J`);
    this.#drawn = 0;
  }
}

function elapsed({ startedAt }: Live): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)}s`;
}
