/** Networks that no container is on and that `matches` takes. */
import { RuntimeError } from "../../runtime/errors.ts";
import { DEFAULT_NETWORK } from "../../runtime/network/record.ts";
import type { Prunable } from "../containers/prune-filter.ts";
import type { Context } from "../context.ts";

/** Their names. Bridges that rest without a container go too. */
export async function pruneNetworks(context: Context, matches: (one: Prunable) => boolean): Promise<readonly string[]> {
  const engine = await context.engine();
  const { networks } = engine;
  await engine.sweep(); // what killed commands left on them is no container
  const removed: string[] = [];
  for (const network of await networks.list()) {
    if (network.name === DEFAULT_NETWORK || !matches(network)) continue;
    try {
      await networks.remove(network.name);
    } catch (error) {
      if (!(error instanceof RuntimeError && error.code === "CONTAINER_STATE")) throw error;
      continue;
    }
    removed.push(network.name);
  }
  await networks.removeIdle();
  return removed;
}
