/** Containers started and stopped, thousands of times, through the engine of one process: what grows with it would leak. */
import { openPlace, type Place } from "./place.ts";
import { settledInventory, takeInventory } from "./inventory.ts";
import type { Inventory } from "./leaks.ts";

const LANES = 4;
/** Starts of one container before it is removed. */
const LIVES = 20;
/** One container in so many is on a network. */
const NETWORKED = 10;
const WARM_UP = 200;

export interface CycleReport {
  readonly cycles: number;
  readonly seconds: number;
  /** After a few hundred, so that what is kept once is not taken for a leak. */
  readonly before: Inventory;
  readonly after: Inventory;
}

/** Aborted, it reports what was done until then. */
export async function soakCycles(cycles: number, tell: (done: number) => void, signal: AbortSignal): Promise<CycleReport> {
  await using place = await openPlace();
  await run(place, Math.min(WARM_UP, cycles), () => {}, signal);
  const before = takeInventory(place);
  const from = performance.now();
  const done = await run(place, cycles, tell, signal);
  return { cycles: done, seconds: (performance.now() - from) / 1000, before, after: await settledInventory(place, before) };
}

async function run(place: Place, cycles: number, tell: (done: number) => void, signal: AbortSignal): Promise<number> {
  let [begun, containers] = [0, 0];
  const mayGoOn = (): boolean => begun < cycles && !signal.aborted;
  const lane = async (): Promise<void> => {
    while (mayGoOn()) {
      const network = ++containers % NETWORKED === 0 ? ({ kind: "bridge", name: "bridge" } as const) : ({ kind: "none" } as const);
      const { record } = await place.engine.create({ image: place.image, command: ["sleep", "3600"], network });
      for (let lives = 0; lives < LIVES && mayGoOn(); lives++) {
        begun++;
        await place.engine.start(record.id, { settle: "caller" });
        await place.engine.stop(record.id, { timeout: 0 });
        if (begun % 500 === 0) tell(begun);
      }
      await place.engine.remove(record.id);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  await place.engine.networks.removeIdle(); // it would wait some seconds for the next container
  return begun;
}
