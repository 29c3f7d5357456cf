/** `#5 [2/4] RUN make`, `#5 0.123 output`, `#5 CACHED`, `#5 DONE 0.1s`: a block for each vertex, as BuildKit's plain progress. */
import { StringDecoder } from "node:string_decoder";
import type { BuildEvent } from "../../builder/progress.ts";
import type { ProgressView } from "./progress.ts";

interface Shown {
  readonly startedAt: number;
  readonly decoder: StringDecoder;
  rest: string;
  isCached: boolean;
}

export class PlainProgress implements ProgressView {
  readonly #stream: { write(text: string): unknown };
  readonly #explain: boolean;
  readonly #vertices = new Map<number, Shown>();
  #last = 0;

  constructor(stream: { write(text: string): unknown }, explain: boolean) {
    this.#stream = stream;
    this.#explain = explain;
  }

  show(event: BuildEvent): void {
    if (event.kind === "started") {
      this.#vertices.set(event.vertex, { startedAt: performance.now(), decoder: new StringDecoder("utf8"), rest: "", isCached: false });
      this.#line(event.vertex, event.name);
      return;
    }
    const shown = this.#vertices.get(event.vertex);
    if (shown === undefined) return;
    if (event.kind === "output") this.#output(event.vertex, shown, shown.decoder.write(Buffer.from(event.data)));
    else if (event.kind === "explained") this.#explained(event.vertex, event.isHit, event.reason);
    else if (event.kind === "cached") shown.isCached = true;
    else this.#ended(event, shown);
  }

  end(): void {
    return;
  }

  #explained(vertex: number, isHit: boolean, reason: string): void {
    if (this.#explain) this.#line(vertex, `EXPLAIN ${isHit ? "hit" : "miss"}: ${reason}`);
  }

  #ended(event: Extract<BuildEvent, { kind: "done" | "failed" }>, shown: Shown): void {
    if (shown.rest !== "") this.#output(event.vertex, shown, "\n");
    if (event.kind === "failed") this.#line(event.vertex, event.isCancelled ? "CANCELED" : `ERROR: ${event.message}`);
    else this.#line(event.vertex, shown.isCached ? "CACHED" : `DONE ${seconds(shown, 1)}s`);
  }

  #output(vertex: number, shown: Shown, text: string): void {
    const lines = (shown.rest + text).split("\n");
    shown.rest = lines.pop() ?? "";
    for (const line of lines) this.#line(vertex, `${seconds(shown, 3)} ${line.replace(/\r$/, "")}`);
  }

  #line(vertex: number, text: string): void {
    const gap = this.#last !== 0 && this.#last !== vertex ? "\n" : "";
    this.#last = vertex;
    this.#stream.write(`${gap}#${vertex} ${text}\n`);
  }
}

function seconds({ startedAt }: Shown, digits: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(digits);
}
