/** Removal of a network, refused in docker's words. */
import { RuntimeError } from "../../runtime/errors.ts";
import { DEFAULT_NETWORK } from "../../runtime/network/record.ts";
import type { Engine } from "../../runtime/engine.ts";

const PREDEFINED: ReadonlySet<string> = new Set([DEFAULT_NETWORK, "host", "none"]);

/** @throws {RuntimeError} `NETWORK_UNKNOWN`, `CONTAINER_STATE` */
export async function removeNetwork({ networks, sweep }: Pick<Engine, "networks" | "sweep">, reference: string): Promise<void> {
  const network = await networks.get(reference);
  if (PREDEFINED.has(network?.name ?? reference))
    throw new RuntimeError("NETWORK_UNKNOWN", `${network?.name ?? reference} is a pre-defined network and cannot be removed`);
  if (network === undefined) throw new RuntimeError("NETWORK_UNKNOWN", `No such network: ${reference}`);
  if (await networks.remove(reference).then(() => true, isInUse)) return;
  await sweep(); // what killed commands left on it is no container
  await networks.remove(reference).catch((error: unknown) => {
    isInUse(error);
    const text = `error while removing network: network ${network.name} id ${network.id} has active endpoints`;
    throw new RuntimeError("CONTAINER_STATE", text, { cause: error, hint: "Disconnect its containers ('strata network disconnect'), or remove them" });
  });
}

/** @returns false; anything else is thrown */
function isInUse(error: unknown): false {
  if (!(error instanceof RuntimeError && error.code === "CONTAINER_STATE")) throw error;
  return false;
}
