/** ChainID: the name of a stack of layers. Spec: image-spec v1.1, config.md, "Layer ChainID". */
import { digestOf, type Digest } from "../digest.ts";
import type { ChainID } from "../store.ts";

export function chainOf(parent: ChainID | undefined, diffID: Digest): ChainID {
  return parent === undefined ? diffID : digestOf(`${parent} ${diffID}`);
}

/** Every prefix of the stack, lowest first. */
export function chainsOf(diffIDs: readonly Digest[]): ChainID[] {
  const chains: ChainID[] = [];
  for (const diffID of diffIDs) chains.push(chainOf(chains.at(-1), diffID));
  return chains;
}
