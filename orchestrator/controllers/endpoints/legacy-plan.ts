/** The older Endpoints of a service from the same endpoints as its slices. Decides, and does nothing. Spec: Kubernetes documentation, "Service", "Endpoints". */
import type { Endpoint, SliceDraft } from "./plan.ts";

/** Most addresses in one object; beyond it says that it is cut. */
const MAX_ADDRESSES = 1000;
export const OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity";

export interface EndpointsPlan {
  readonly subsets: readonly Readonly<Record<string, unknown>>[];
  readonly truncated: boolean;
}

/** One subset for all endpoints of the same ports; those that end are left out. Ready ones come first where not all fit. */
export function planEndpoints(drafts: readonly SliceDraft[]): EndpointsPlan {
  const groups = new Map<string, { readonly ports: SliceDraft["ports"]; readonly endpoints: Endpoint[] }>();
  for (const { ports, endpoints } of drafts) {
    const group = groups.get(JSON.stringify(ports)) ?? { ports, endpoints: [] };
    group.endpoints.push(...endpoints.filter(({ conditions }) => conditions.terminating !== true));
    groups.set(JSON.stringify(ports), group);
  }
  const total = [...groups.values()].reduce((sum, { endpoints }) => sum + endpoints.length, 0);
  let left = MAX_ADDRESSES;
  const take = (endpoints: readonly Endpoint[]): readonly unknown[] => {
    const taken = endpoints.slice(0, left);
    left -= taken.length;
    return taken.map(addressOf);
  };
  const filled = [...groups.values()].map(({ ports, endpoints }) => ({
    ports,
    endpoints,
    ready: take(endpoints.filter(({ conditions }) => conditions.ready)),
  }));
  const subsets = filled.map(({ ports, endpoints, ready }) => {
    const unready = take(endpoints.filter(({ conditions }) => !conditions.ready));
    return {
      ...(ready.length === 0 ? {} : { addresses: ready }),
      ...(unready.length === 0 ? {} : { notReadyAddresses: unready }),
      ports: ports.map((port) => (port.name === "" ? { port: port.port, protocol: port.protocol } : port)),
    };
  });
  return { subsets: subsets.filter((subset) => "addresses" in subset || "notReadyAddresses" in subset), truncated: total > MAX_ADDRESSES };
}

function addressOf({ addresses: [ip], targetRef, nodeName, hostname }: Endpoint): unknown {
  return {
    ip,
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}
