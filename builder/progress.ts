/** What happens in a build, as it happens. A vertex is one line of work: a step, or something around them. */

export type BuildEvent =
  | { readonly kind: "started"; readonly vertex: number; readonly name: string }
  | { readonly kind: "output"; readonly vertex: number; readonly stream: "stdout" | "stderr"; readonly data: Uint8Array }
  | { readonly kind: "cached"; readonly vertex: number }
  /** Why the step was a hit or a miss, in words. */
  | { readonly kind: "explained"; readonly vertex: number; readonly isHit: boolean; readonly reason: string }
  | { readonly kind: "done"; readonly vertex: number }
  | { readonly kind: "failed"; readonly vertex: number; readonly message: string; readonly isCancelled: boolean };

/** Numbers vertices in the order in which they start. */
export class Progress {
  readonly #emit: (event: BuildEvent) => void;
  readonly #explains: boolean;
  #last = 0;

  /** `explains`: reasons are wanted; working one out takes time. */
  constructor(emit: (event: BuildEvent) => void, explains: boolean) {
    this.#emit = emit;
    this.#explains = explains;
  }

  start(name: string): Vertex {
    const vertex = ++this.#last;
    this.#emit({ kind: "started", vertex, name });
    const emit = this.#emit;
    const explains = this.#explains;
    return {
      output: (stream, data) => emit({ kind: "output", vertex, stream, data }),
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
  cached(): void;
  explain(isHit: boolean, reason: () => string): void;
  done(): void;
  failed(message: string, isCancelled: boolean): void;
}
