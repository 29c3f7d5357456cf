/** What happens in a build, as it happens. A vertex is one line of work: a step, or something around them. */

export type BuildEvent =
  | { readonly kind: "started"; readonly vertex: number; readonly name: string; /** Vertices whose results it uses. */ readonly inputs: readonly number[] }
  | { readonly kind: "output"; readonly vertex: number; readonly stream: "stdout" | "stderr"; readonly data: Uint8Array }
  | ({ readonly kind: "status"; readonly vertex: number } & Status)
  | { readonly kind: "cached"; readonly vertex: number }
  /** Why the step was a hit or a miss, in words. */
  | { readonly kind: "explained"; readonly vertex: number; readonly isHit: boolean; readonly reason: string }
  | { readonly kind: "done"; readonly vertex: number }
  | { readonly kind: "failed"; readonly vertex: number; readonly message: string; readonly isCancelled: boolean };

/** Bytes on their way: a layer that is pulled, files that are copied, an archive that is written. */
export interface Status {
  /** One of a vertex. */
  readonly id: string;
  /** Bytes so far. */
  readonly current: number;
  readonly total?: number;
  readonly isDone: boolean;
}

/** How vertices hang together: the keys by which others find this one, and for each input the keys to look for, the first that is known counts. */
export interface Lineage {
  readonly as: string;
  readonly after: readonly (readonly string[])[];
}

/** Numbers vertices in the order in which they start. */
export class Progress {
  readonly #emit: (event: BuildEvent) => void;
  readonly #explains: boolean;
  readonly #latest = new Map<string, number>();
  #last: number;

  /** `explains`: reasons are wanted; working one out takes time. `last`: numbers up to this one are taken. */
  constructor(emit: (event: BuildEvent) => void, explains: boolean, last = 0) {
    this.#emit = emit;
    this.#explains = explains;
    this.#last = last;
  }

  start(name: string, { as = "", after = [] }: Partial<Lineage> = {}): Vertex {
    const vertex = ++this.#last;
    const inputs = after.flatMap((keys) => keys.map((key) => this.#latest.get(key)).find((known) => known !== undefined) ?? []);
    if (as !== "") this.#latest.set(as, vertex);
    this.#emit({ kind: "started", vertex, name, inputs: [...new Set(inputs)] });
    const emit = this.#emit;
    const explains = this.#explains;
    return {
      output: (stream, data) => emit({ kind: "output", vertex, stream, data }),
      status: (status) => emit({ kind: "status", vertex, ...status }),
      cached: () => emit({ kind: "cached", vertex }),
      explain: (isHit, reason) => {
        if (explains) emit({ kind: "explained", vertex, isHit, reason: reason() });
      },
      done: () => emit({ kind: "done", vertex }),
      failed: (message, isCancelled) => emit({ kind: "failed", vertex, message, isCancelled }),
    };
  }
}

export interface Vertex {
  output(stream: "stdout" | "stderr", data: Uint8Array): void;
  status(status: Status): void;
  cached(): void;
  explain(isHit: boolean, reason: () => string): void;
  done(): void;
  failed(message: string, isCancelled: boolean): void;
}
