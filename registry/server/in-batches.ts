/** Much small work, some of it at a time: other requests are answered in between. */
import { setImmediate as others } from "node:timers/promises";

const AT_ONCE = 64;

export async function inBatches<Item>(items: readonly Item[], act: (item: Item) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += AT_ONCE) {
    await Promise.all(items.slice(at, at + AT_ONCE).map(act));
    await others();
  }
}
