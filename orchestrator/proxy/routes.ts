/** Where connections to each port of each service go, from Services and EndpointSlices. Decides, and does nothing. Spec: Kubernetes documentation, "Virtual IPs and Service Proxies". */
import type { KubeObject } from "../cluster.ts";
import { SERVICE_LABEL, type ServicePort } from "../controllers/endpoints/plan.ts";

export interface Backend {
  readonly host: string;
  readonly port: number;
}

export interface Route {
  /** `namespace/name/port`, with the port's name or number. */
  readonly name: string;
  readonly protocol: "tcp" | "udp";
  /** The service's own: its cluster address and its external ones. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly nodePort: number | undefined;
  readonly type: string;
  readonly backends: readonly Backend[];
  /** Seconds that a client stays with its backend; undefined: each connection may go elsewhere. */
  readonly affinity: number | undefined;
}

interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
}

export function routesOf(services: readonly KubeObject[], slices: readonly KubeObject[]): readonly Route[] {
  const byService = new Map<string, KubeObject[]>();
  for (const slice of slices) {
    const service = `${slice.metadata.namespace}/${slice.metadata.labels?.[SERVICE_LABEL]}`;
    byService.set(service, [...(byService.get(service) ?? []), slice]);
  }
  return services.flatMap((service) => routesOfService(service, byService.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? []));
}

/** One a port; none for a service that has no address of its own. */
export function routesOfService({ metadata, spec }: KubeObject, slices: readonly KubeObject[]): readonly Route[] {
  const { clusterIP = "", type = "ClusterIP", externalIPs = [], sessionAffinity, sessionAffinityConfig } = spec ?? {};
  if (clusterIP === "" || clusterIP === "None" || type === "ExternalName" || metadata.deletionTimestamp !== undefined) return [];
  const affinity = sessionAffinity === "ClientIP" ? (sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : undefined;
  const ports: readonly ServicePort[] = spec.ports ?? [];
  return ports.flatMap((port) => {
    const protocol = (port.protocol ?? "TCP").toLowerCase();
    if (protocol !== "tcp" && protocol !== "udp") return [];
    const name = `${metadata.namespace}/${metadata.name}/${port.name ?? port.port}`;
    const backends = backendsOf(port, slices);
    return [{ name, protocol, addresses: [clusterIP, ...externalIPs], port: port.port, nodePort: port.nodePort, type, backends, affinity }];
  });
}

/** Ready ones; when there is none, those that still serve while they end. Sorted, each once. */
export function backendsOf(port: ServicePort, slices: readonly KubeObject[]): readonly Backend[] {
  const those = (wanted: (conditions: NonNullable<SliceEndpoint["conditions"]>) => boolean): readonly Backend[] => {
    const found = slices.flatMap((slice) => {
      const ports: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[] = slice["ports"] ?? [];
      const target = ports.find(({ name = "", protocol = "TCP" }) => name === (port.name ?? "") && protocol === (port.protocol ?? "TCP"))?.port;
      const endpoints: readonly SliceEndpoint[] = slice["endpoints"] ?? [];
      if (target === undefined || slice["addressType"] !== "IPv4") return [];
      return endpoints.filter(({ conditions = {} }) => wanted(conditions)).map(({ addresses }): Backend => ({ host: addresses[0] ?? "", port: target }));
    });
    return [...new Map(found.map((backend) => [keyOfBackend(backend), backend])).values()].toSorted((left, right) =>
      keyOfBackend(left) < keyOfBackend(right) ? -1 : 1,
    );
  };
  const ready = those((conditions) => conditions.ready !== false);
  return ready.length > 0 ? ready : those((conditions) => conditions.serving === true && conditions.terminating === true);
}

export function keyOfRoute({ name, protocol }: Route): string {
  return `${name}/${protocol}`;
}

export function keyOfBackend({ host, port }: Backend): string {
  return `${host}:${port}`;
}
