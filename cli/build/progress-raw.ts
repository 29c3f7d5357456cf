/** One JSON object a line, in the shape of BuildKit's status stream. Spec: moby/buildkit, client/graph.go, SolveStatus. */
import { createHash } from "node:crypto";
import { RULES, type Finding } from "../../builder/check/finding.ts";
import type { BuildEvent } from "../../builder/progress.ts";
import type { ProgressView } from "./progress-view.ts";

interface RawVertex {
  readonly digest: string;
  readonly inputs?: readonly string[];
  readonly name: string;
  readonly started: string;
  completed?: string;
  cached?: true;
  error?: string;
}

const STREAMS = { stdout: 1, stderr: 2 } as const;

export class RawProgress implements ProgressView {
  readonly #stream: { write(text: string): unknown };
  readonly #now: () => number;
  readonly #vertices = new Map<number, RawVertex>();
  readonly #statuses = new Map<string, string>();

  /** `now`: milliseconds since the epoch. */
  constructor(stream: { write(text: string): unknown }, now: () => number = () => Date.now()) {
    this.#stream = stream;
    this.#now = now;
  }

  show(event: BuildEvent): void {
    const timestamp = new Date(this.#now()).toISOString();
    if (event.kind === "started") this.#start(event, timestamp);
    const vertex = this.#vertices.get(event.vertex);
    if (vertex === undefined) return;
    if (event.kind === "output") {
      const data = Buffer.from(event.data.buffer, event.data.byteOffset, event.data.byteLength).toString("base64");
      this.#write({ logs: [{ vertex: vertex.digest, stream: STREAMS[event.stream], data, timestamp }] });
    } else if (event.kind === "explained") {
      const data = Buffer.from(`${event.isHit ? "hit" : "miss"}: ${event.reason}\n`).toString("base64");
      this.#write({ logs: [{ vertex: vertex.digest, data, timestamp }] });
    } else if (event.kind === "status") this.#status(vertex, event, timestamp);
    else if (event.kind === "cached") vertex.cached = true;
    else if (event.kind !== "started") this.#end(vertex, event, timestamp);
  }

  warn(findings: readonly Finding[], { text, file }: { readonly text: string; readonly file: string }): boolean {
    const base64 = (words: string): string => Buffer.from(words).toString("base64");
    const vertex = this.#vertices.values().next().value?.digest;
    const sourceInfo = { filename: file, language: "Dockerfile", data: base64(text) };
    const warnings = findings.map(({ rule, message, place, advice }) => ({
      ...(vertex === undefined ? {} : { vertex }),
      level: 1,
      short: base64(`${rule}: ${message} (line ${place.start})`),
      detail: [RULES[rule].description, advice].map(base64),
      sourceInfo,
      range: [{ start: { line: place.start }, end: { line: place.end } }],
    }));
    if (warnings.length > 0) this.#write({ warnings });
    return true;
  }

  pause(): void {
    return;
  }

  resume(): void {
    return;
  }

  end(): void {
    return;
  }

  #start({ vertex, name, inputs }: Extract<BuildEvent, { kind: "started" }>, started: string): void {
    const digests = inputs.flatMap((input) => this.#vertices.get(input)?.digest ?? []);
    const digest = `sha256:${createHash("sha256")
      .update(JSON.stringify([vertex, name, digests]))
      .digest("hex")}`;
    const raw = { digest, ...(digests.length === 0 ? {} : { inputs: digests }), name, started };
    this.#vertices.set(vertex, raw);
    this.#write({ vertexes: [raw] });
  }

  #status({ digest }: RawVertex, { id, current, total, isDone }: Extract<BuildEvent, { kind: "status" }>, timestamp: string): void {
    const key = `${digest} ${id}`;
    const started = this.#statuses.get(key) ?? timestamp;
    this.#statuses.set(key, started);
    const bytes = { ...(total === undefined ? {} : { total }), current };
    this.#write({ statuses: [{ id, vertex: digest, ...bytes, timestamp, started, ...(isDone ? { completed: timestamp } : {}) }] });
  }

  #end(vertex: RawVertex, event: Extract<BuildEvent, { kind: "done" | "failed" }>, completed: string): void {
    vertex.completed = completed;
    if (event.kind === "failed") vertex.error = event.isCancelled ? "context canceled" : event.message;
    this.#write({ vertexes: [vertex] });
  }

  #write(status: object): void {
    this.#stream.write(`${JSON.stringify(status)}\n`);
  }
}
