/** Pod sandboxes: one network namespace and hostname that several containers share; no process holds it. */
import type { PortMapping } from "../networks.ts";
import type { Sandbox } from "../engine.ts";
import { attachTo, detach } from "../network/attach.ts";
import { DEFAULT_NETWORK } from "../network/record.ts";
import type { Parts } from "./parts.ts";
import type { SandboxRecord } from "./sandbox-record.ts";

export interface SandboxOptions {
  readonly id: string;
  readonly hostname: string;
  readonly network: "bridge" | "host";
  readonly ports?: readonly PortMapping[];
  readonly sysctls?: Readonly<Record<string, string>>;
}

/** Idempotent: the sandbox of that id, if it is there, stays. */
export async function createSandbox(parts: Parts, options: SandboxOptions): Promise<Sandbox> {
  const existing = parts.sandboxes.get(options.id);
  if (existing !== undefined) return toSandbox(existing);
  const basis: SandboxRecord = { id: options.id, hostname: options.hostname, mode: options.network };
  await parts.sandboxes.put(options.id, basis); /* first, so that a crash from here on is swept */
  if (options.network === "host") return toSandbox(basis);
  try {
    const { network, endpoint, namespace, ready } = await attachTo(parts.network, DEFAULT_NETWORK, {
      owner: options.id,
      names: [options.hostname],
      ports: options.ports ?? [],
      sysctls: networkSysctls(options.sysctls ?? {}),
    });
    await ready;
    const record: SandboxRecord = { ...basis, address: endpoint.address, gateway: network.gateway, namespace };
    await parts.sandboxes.put(options.id, record);
    return toSandbox(record);
  } catch (error) {
    await parts.sandboxes.remove(options.id);
    throw error;
  }
}

/** `net.ipv4.x` as the helper takes it; the rest belongs to the containers. */
function networkSysctls(sysctls: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const defaults = { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647" };
  const own = Object.entries({ ...defaults, ...sysctls }).filter(([key]) => key.startsWith("net."));
  return Object.fromEntries(own.map(([key, value]) => [key.slice("net.".length).replaceAll(".", "/"), value]));
}

/** Undefined as well when a reboot has taken its namespace. */
export function getSandbox(parts: Parts, id: string): Sandbox | undefined {
  const record = parts.sandboxes.get(id);
  return record === undefined || (record.mode === "bridge" && record.namespace === undefined) ? undefined : toSandbox(record);
}

/** Idempotent. */
export async function removeSandbox(parts: Parts, id: string): Promise<void> {
  const record = parts.sandboxes.get(id);
  if (record === undefined) return;
  if (record.mode === "bridge") await detach(parts.network, DEFAULT_NETWORK, id);
  await parts.sandboxes.remove(id);
}

function toSandbox(record: SandboxRecord): Sandbox {
  return { id: record.id, address: record.address, namespace: record.namespace };
}
