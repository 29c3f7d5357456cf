/** Measures this node and the containers of its pods every few seconds, and keeps the last two readings of each. */
import type { Engine } from "../../../runtime/engine.ts";
import type { Meter } from "../../../runtime/process.ts";
import type { Measured, Usage, UsageSource } from "../../cluster.ts";
import type { Clock } from "../../controllers/clock.ts";
import { repeat } from "../../controllers/repeat.ts";
import { extend, rateOf, type UsageWindow } from "./usage-window.ts";

/** A container that runs. */
export interface MeterTarget {
  readonly id: string;
  readonly pod: string;
  readonly container: string;
}

export interface MeterOptions {
  readonly engine: Pick<Engine, "meter">;
  readonly clock: Clock;
  readonly node: string;
  readonly readNode: () => Meter;
  /** Milliseconds between readings. */
  readonly every: number;
}

export class UsageMeter implements UsageSource {
  readonly #options: MeterOptions;
  readonly #readers = new Map<string, () => Meter>();
  #node: UsageWindow | undefined;
  /** By container id. */
  #windows: ReadonlyMap<string, MeterTarget & { readonly window: UsageWindow }> = new Map();

  constructor(options: MeterOptions) {
    this.#options = options;
  }

  node(name: string): Measured<Usage> | undefined {
    return name === this.#options.node && this.#node !== undefined ? rateOf(this.#node) : undefined;
  }

  /** All of its containers or none: half a pod would be taken for an idle one. */
  pod(uid: string): Measured<ReadonlyMap<string, Usage>> | undefined {
    const rates = [...this.#windows.values()].filter(({ pod }) => pod === uid).map(({ container, window }) => ({ container, rate: rateOf(window) }));
    const known = rates.flatMap(({ container, rate }) => (rate === undefined ? [] : [{ container, rate }]));
    const newest = known[0]?.rate;
    if (newest === undefined || known.length < rates.length) return undefined;
    return { at: newest.at, window: newest.window, usage: new Map(known.map(({ container, rate }) => [container, rate.usage])) };
  }

  /** Reads at once, and then at the interval; dispose ends it. */
  start(targets: () => Iterable<MeterTarget>): Disposable {
    const { clock, every } = this.#options;
    const beat = async (): Promise<void> => await this.#read([...targets()]);
    void beat().catch(() => {}); // missed, as those that come
    return repeat(clock, every, beat);
  }

  async #read(targets: readonly MeterTarget[]): Promise<void> {
    const { clock, readNode } = this.#options;
    const readers = await Promise.all(targets.map(async (target) => [target, await this.#reader(target.id)] as const));
    const at = clock.now();
    this.#node = extend(this.#node, { at, ...readNode() });
    this.#windows = new Map(
      readers.flatMap(([target, read]) =>
        read === undefined ? [] : [[target.id, { ...target, window: extend(this.#windows.get(target.id)?.window, { at, ...read() }) }]],
      ),
    );
    for (const id of this.#readers.keys()) if (!this.#windows.has(id)) this.#readers.delete(id);
  }

  /** Undefined for one that has ended meanwhile. */
  async #reader(id: string): Promise<(() => Meter) | undefined> {
    const known = this.#readers.get(id);
    if (known !== undefined) return known;
    const made = await this.#options.engine.meter(id).catch(() => undefined);
    if (made !== undefined) this.#readers.set(id, made);
    return made;
  }
}
