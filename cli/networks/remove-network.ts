/** Removal of a network, refused in docker's words. */
import { RuntimeError } from "../../runtime/errors.ts";
import { DEFAULT_NETWORK } from "../../runtime/network/record.ts";
import type { Networks } from "../../runtime/networks.ts";

const PREDEFINED: ReadonlySet<string> = new Set([DEFAULT_NETWORK, "host", "none"]);

/** @throws {RuntimeError} `NETWORK_UNKNOWN`, `CONTAINER_STATE` */
export async function removeNetwork(networks: Networks, reference: string): Promise<void> {
  const network = await networks.get(reference);
  if (PREDEFINED.has(network?.name ?? reference))
    throw new RuntimeError("NETWORK_UNKNOWN", `${network?.name ?? reference} is a pre-defined network and cannot be removed`);
  if (network === undefined) throw new RuntimeError("NETWORK_UNKNOWN", `No such network: ${reference}`);
  await networks.remove(reference).catch((error: unknown) => {
    if (!(error instanceof RuntimeError && error.code === "CONTAINER_STATE")) throw error;
    const text = `error while removing network: network ${network.name} id ${network.id} has active endpoints`;
    throw new RuntimeError("CONTAINER_STATE", text, { cause: error, hint: "Disconnect its containers ('strata network disconnect'), or remove them" });
  });
}
