/** What a pod asks of a node. Spec: Kubernetes documentation, "Resource Management for Pods and Containers". */
import type { KubeObject } from "../cluster.ts";
import { milliOf, wholeOf } from "../schema/quantity.ts";

/** Amounts by resource name: `cpu` in thousandths, all others in whole units. */
export type Amounts = Readonly<Record<string, number>>;

interface Container {
  readonly restartPolicy?: string;
  readonly resources?: { readonly requests?: Readonly<Record<string, string | number>> };
}

/** Containers run together, init containers one by one beside the sidecars started before them: the larger need counts. */
export function podRequests(pod: KubeObject): Amounts {
  const containers: readonly Container[] = pod.spec.containers ?? [];
  const inits: readonly Container[] = pod.spec.initContainers ?? [];
  let sidecars: Amounts = {};
  let peak: Amounts = {};
  for (const init of inits) {
    const own = requestsOf(init);
    if (init.restartPolicy === "Always") sidecars = plus(sidecars, own);
    peak = max(peak, init.restartPolicy === "Always" ? sidecars : plus(sidecars, own));
  }
  const together = containers.reduce((total, container) => plus(total, requestsOf(container)), sidecars);
  return plus(max(together, peak), parseAmounts(pod.spec.overhead ?? {}));
}

export function requestsOf(container: Container): Amounts {
  return parseAmounts(container.resources?.requests ?? {});
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

function max(left: Amounts, right: Amounts): Amounts {
  return merge(left, right, Math.max);
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
