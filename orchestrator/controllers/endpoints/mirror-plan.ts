/** EndpointSlices of the Endpoints that users keep for a service without selector. Decides, and does nothing. Spec: KEP-0752, "EndpointSlice Mirroring". */
import type { KubeObject } from "../../cluster.ts";
import type { Endpoint, SliceDraft, SlicePort } from "./plan.ts";

/** Addresses of one subset that are mirrored. */
const MAX_ADDRESSES = 1000;
const SKIP = "endpointslice.kubernetes.io/skip-mirror";

interface Address {
  readonly ip: string;
  readonly hostname?: string;
  readonly nodeName?: string;
  readonly targetRef?: Readonly<Record<string, string>>;
}

/** Whether the slices of a service follow its Endpoints. */
export function isMirrored(service: KubeObject | undefined, endpoints: KubeObject | undefined): boolean {
  if (service === undefined || endpoints === undefined || endpoints.metadata.deletionTimestamp !== undefined) return false;
  const { labels = {}, annotations = {} } = endpoints.metadata;
  return (
    Object.keys(service.spec?.selector ?? {}).length === 0 && labels[SKIP] !== "true" && annotations["control-plane.alpha.kubernetes.io/leader"] === undefined
  );
}

/** One a subset. */
export function planMirror(endpoints: KubeObject): readonly SliceDraft[] {
  const subsets: readonly {
    readonly addresses?: readonly Address[];
    readonly notReadyAddresses?: readonly Address[];
    readonly ports?: readonly Partial<SlicePort>[];
  }[] = endpoints["subsets"] ?? [];
  return subsets.map(({ addresses = [], notReadyAddresses = [], ports = [] }) => ({
    ports: ports.map(({ name = "", port = 0, protocol = "TCP" }) => ({ name, port, protocol })),
    endpoints: [...addresses.map((address) => mirrored(address, true)), ...notReadyAddresses.map((address) => mirrored(address, false))].slice(
      0,
      MAX_ADDRESSES,
    ),
  }));
}

function mirrored({ ip, hostname, nodeName, targetRef }: Address, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}
