/** What a pod asks of a node. Spec: Kubernetes documentation, "Resource Management for Pods and Containers". */
import type { KubeObject } from "../cluster.ts";
import { formatAmounts, podAmounts } from "../objects/quota/amounts.ts";
import { milliOf, wholeOf } from "../schema/quantity.ts";

/** Amounts by resource name: `cpu` in thousandths, all others in whole units. */
export type Amounts = Readonly<Record<string, number>>;

/** At its peak, rounded up once. */
export function podRequests(pod: KubeObject): Amounts {
  return parseAmounts(formatAmounts(podAmounts(pod.spec, "requests")));
}

export function parseAmounts(list: Readonly<Record<string, string | number>>): Amounts {
  return Object.fromEntries(Object.entries(list).map(([name, text]) => [name, name === "cpu" ? milliOf(text) : wholeOf(text)]));
}

export function plus(left: Amounts, right: Amounts): Amounts {
  return merge(left, right, (a, b) => a + b);
}

export function minus(left: Amounts, right: Amounts): Amounts {
  return merge(left, right, (a, b) => a - b);
}

function merge(left: Amounts, right: Amounts, join: (a: number, b: number) => number): Amounts {
  const merged: Record<string, number> = { ...left };
  for (const [name, amount] of Object.entries(right)) merged[name] = join(merged[name] ?? 0, amount);
  return merged;
}

/** Host ports as `PROTOCOL/ip/port`; an empty ip means every address. */
export function hostPorts(pod: KubeObject): readonly HostPort[] {
  const containers: readonly { readonly ports?: readonly { readonly hostPort?: number; readonly hostIP?: string; readonly protocol?: string }[] }[] =
    pod.spec.containers ?? [];
  return containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, hostIP, protocol }) => (hostPort ? [{ port: hostPort, ip: hostIP ?? "0.0.0.0", protocol: protocol ?? "TCP" }] : [])),
  );
}

export interface HostPort {
  readonly port: number;
  readonly ip: string;
  readonly protocol: string;
}
