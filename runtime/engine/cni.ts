/**
 * Containers on networks that CNI plugins make. What is to be undone is recorded before the first plugin runs, with the
 * configuration as it was, so that DEL is always run: when the container ends, and by `sweep` after a crash.
 */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { ContainerRecord, NetworkState } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { namespacePath } from "../network/attach.ts";
import { addChain, type Attendance, type Chain, checkChain, type CniResult, deleteChain, pluginFolders } from "../network/cni/chain.ts";
import { findConfiguration } from "../network/cni/configurations.ts";
import { claimPorts } from "../network/ports.ts";
import type { EndpointState, PortMapping } from "../networks.ts";
import type { Lock } from "./lock.ts";
import { lockContainer } from "./lock-container.ts";
import type { Parts } from "./parts.ts";

const DEVICE = "eth0";

/** @throws {RuntimeError} `NETWORK_UNKNOWN`, `NETWORK_FAILED`, `PORT_IN_USE` */
export async function connectCni(parts: Parts, record: ContainerRecord, wanted: readonly PortMapping[], held: Lock): Promise<NetworkState> {
  const { mode } = record.network;
  if (mode.kind !== "cni") throw new RuntimeError("NETWORK_FAILED", `Cannot run CNI plugins for container ${record.name}: its network is ${mode.kind}`);
  const configuration = findConfiguration(mode.name);
  if (wanted.length > 0 && !configuration.plugins.some(({ capabilities }) => capabilities?.["portMappings"] === true))
    throw new RuntimeError("NETWORK_FAILED", `Cannot publish ports on CNI network ${mode.name}: none of its plugins maps ports`, {
      hint: 'Add {"type": "portmap", "capabilities": {"portMappings": true}} to its plugins',
    });
  const ports = await claimPorts(wanted, []);
  const namespace = namespacePath(parts.network, record.id);
  const chain: Chain = {
    configuration,
    containerID: record.id,
    namespace,
    device: DEVICE,
    folders: pluginFolders(),
    runtimeConfig: runtimeConfig(record, ports),
  };
  await forgetChain(parts, record.id, held); // plugins refuse to add what they have not given back
  await parts.cni.put(record.id, chain);
  try {
    await mkdir(dirname(namespace), { recursive: true });
    await parts.network.kernel.apply(["netns", namespace, "up", "lo"], [held]);
    let result: CniResult = {};
    for await (result of addChain(chain, attendance(parts, held))) await parts.cni.put(record.id, { ...chain, result });
    return stateOf(mode, namespace, ports, result);
  } catch (error) {
    await forgetChain(parts, record.id, held).catch(() => {}); // sweep tries again
    throw error;
  }
}

function runtimeConfig({ options }: ContainerRecord, ports: readonly PortMapping[]): Readonly<Record<string, unknown>> {
  const ips = [options.ip, options.ip6].filter((address) => address !== undefined);
  return {
    ...(ports.length > 0 && {
      portMappings: ports.map(({ hostPort, containerPort, protocol, hostIP }) => ({
        hostPort,
        containerPort,
        protocol,
        ...(hostIP !== undefined && { hostIP }),
      })),
    }),
    ...(ips.length > 0 && { ips }),
    ...(options.macAddress !== undefined && { mac: options.macAddress }),
  };
}

function stateOf(mode: Extract<NetworkState["mode"], { kind: "cni" }>, namespace: string, ports: readonly PortMapping[], result: CniResult): NetworkState {
  const first = (result.ips ?? []).find(({ address }) => !address.includes(":"));
  const [address = "", prefix = "0"] = (first?.address ?? "").split("/");
  const mac = result.interfaces?.find(({ name, sandbox }) => name === DEVICE && sandbox !== undefined && sandbox !== "")?.mac ?? "";
  const gateway = first?.gateway ?? "";
  const endpoint: EndpointState = { network: mode.name, networkID: "", device: DEVICE, address, prefixLength: Number(prefix), gateway, mac };
  const { nameservers = [], search = [], options = [] } = result.dns ?? {};
  return {
    mode,
    namespace,
    address,
    prefixLength: Number(prefix),
    gateway,
    mac,
    ports,
    endpoints: [endpoint],
    dns: { ...(nameservers.length > 0 && { servers: nameservers }), ...(search.length > 0 && { search }), ...(options.length > 0 && { options }) },
  };
}

/** Idempotent. What a plugin does not give back is told nobody here: the record stays, and `sweep` tries again. */
export async function disconnectCni(parts: Parts, { id }: Pick<ContainerRecord, "id">, held: Lock): Promise<void> {
  await forgetChain(parts, id, held).catch(() => {});
}

/** @throws {RuntimeError} `NETWORK_FAILED`; the namespace and the record are kept then */
async function forgetChain(parts: Parts, owner: string, held: Lock): Promise<void> {
  const chain = parts.cni.get(owner);
  if (chain === undefined) return;
  await deleteChain(chain, attendance(parts, held));
  await parts.network.kernel.apply(["forget-netns", chain.namespace], [held]);
  await parts.cni.remove(owner);
}

/** Asks every plugin whether its part is still as it was set up. @throws {RuntimeError} `NETWORK_FAILED`, `CONTAINER_STATE` */
export async function checkCni(parts: Parts, record: Pick<ContainerRecord, "id" | "name">): Promise<void> {
  await using held = await lockContainer(parts, record.id);
  const chain = parts.cni.get(record.id);
  if (chain?.result === undefined) throw new RuntimeError("CONTAINER_STATE", `Cannot check the network of container ${record.name}: no CNI plugins made it`);
  await checkChain(chain, attendance(parts, held));
}

function attendance({ programs: { minder } }: Parts, held: Lock): Attendance {
  return { minder, held };
}

/** Of owners that are gone. */
export async function sweepCni(parts: Parts, owns: (owner: string) => boolean): Promise<void> {
  for (const [owner] of parts.cni.list()) {
    if (owns(owner)) continue;
    await using held = await lockContainer(parts, owner);
    if (!owns(owner)) await forgetChain(parts, owner, held).catch(() => {});
  }
}
