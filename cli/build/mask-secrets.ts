/** Values of secrets do not show in what steps print: stars stand for them, also where a value comes in pieces. */
import type { Secret } from "../../builder/request.ts";
import type { BuildEvent } from "../../builder/progress.ts";

const STARS = "*****";
/** Shorter ones would star out half of a log. */
const MIN_BYTES = 6;

export interface SecretMask {
  /** The same secrets; those that a step reads are hidden from then on. */
  readonly secrets: ReadonlyMap<string, Secret>;
  wrap(onEvent: (event: BuildEvent) => void): (event: BuildEvent) => void;
}

export function maskSecrets(given: ReadonlyMap<string, Secret>): SecretMask {
  const values = new Set<string>();
  const learn = (content: Uint8Array): Uint8Array => {
    const text = Buffer.from(content).toString("latin1");
    for (const value of [text.trim(), ...text.split(/\r?\n/).map((line) => line.trim())]) if (value.length >= MIN_BYTES) values.add(value);
    return content;
  };
  return {
    secrets: new Map([...given].map(([id, secret]) => [id, { ...secret, read: () => learn(secret.read()) }])),
    wrap(onEvent) {
      const streams = new Map<string, Hider>();
      return (event) => {
        if (event.kind === "done" || event.kind === "failed") flush(streams, event.vertex, onEvent);
        if (event.kind !== "output" || values.size === 0) return onEvent(event);
        const key = `${event.vertex} ${event.stream}`;
        const hider = streams.get(key) ?? new Hider(values);
        streams.set(key, hider);
        const shown = hider.push(Buffer.from(event.data).toString("latin1"));
        if (shown !== "") onEvent({ ...event, data: Buffer.from(shown, "latin1") });
      };
    },
  };
}

function flush(streams: ReadonlyMap<string, Hider>, vertex: number, onEvent: (event: BuildEvent) => void): void {
  for (const stream of ["stdout", "stderr"] as const) {
    const rest = streams.get(`${vertex} ${stream}`)?.finish() ?? "";
    if (rest !== "") onEvent({ kind: "output", vertex, stream, data: Buffer.from(rest, "latin1") });
  }
}

/** One stream: holds back what may be the beginning of a value. */
class Hider {
  readonly #values: ReadonlySet<string>;
  #held = "";

  constructor(values: ReadonlySet<string>) {
    this.#values = values;
  }

  push(text: string): string {
    let out = this.#held + text;
    for (const value of [...this.#values].sort((a, b) => b.length - a.length)) out = out.replaceAll(value, STARS);
    const held = Math.max(0, ...[...this.#values].map((value) => overlap(out, value)));
    this.#held = held === 0 ? "" : out.slice(-held);
    return out.slice(0, out.length - held);
  }

  finish(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }
}

/** How much of the end of `text` is a beginning of `value`. */
function overlap(text: string, value: string): number {
  for (let length = Math.min(text.length, value.length - 1); length > 0; length--) if (text.endsWith(value.slice(0, length))) return length;
  return 0;
}
