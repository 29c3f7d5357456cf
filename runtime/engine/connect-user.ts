/** The default network of an ordinary user's container: its ports are claimed before it is made, its way out is opened when its namespace is there. */
import type { ContainerRecord, NetworkState } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { claimPorts } from "../network/ports.ts";
import { DEFAULT_NETWORK } from "../network/record.ts";
import { USER_MODE } from "../network/user-mode-address.ts";
import type { Parts } from "./parts.ts";

/** @throws {RuntimeError} `UNSUPPORTED`, `PORT_IN_USE` */
export async function planUserMode(
  parts: Parts,
  mode: Extract<NetworkState["mode"], { kind: "bridge" }>,
  ports: NetworkState["ports"],
  self: Pick<ContainerRecord, "id">,
): Promise<NetworkState> {
  if (mode.name !== DEFAULT_NETWORK)
    throw new RuntimeError("UNSUPPORTED", `Cannot join network ${JSON.stringify(mode.name)}: an ordinary user's containers have no bridges`, {
      hint: "Leave --network out, or use none, host or container:NAME",
    });
  const taken = parts.records.list().flatMap((record) => (record.id !== self.id && record.unsettled ? record.network.ports : []));
  const { address, prefixLength, gateway } = USER_MODE;
  return { mode, address, prefixLength, gateway, ports: await claimPorts(ports, taken) };
}
