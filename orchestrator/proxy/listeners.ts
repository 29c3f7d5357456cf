/** Which ports of the node a service is reached at. Decides, and does nothing. */
import type { KubeObject } from "../cluster.ts";
import type { ServicePort } from "../controllers/endpoints/plan.ts";

export interface WantedListener {
  readonly listenPort: number;
  readonly port: ServicePort;
}

/** A LoadBalancer at its own ports, as on a cluster of one node; both it and NodePort at their node ports. TCP only. */
export function wantedListeners(service: KubeObject): readonly WantedListener[] {
  const type: string = service.spec?.type ?? "ClusterIP";
  const ports: readonly ServicePort[] = (service.spec?.ports ?? []).filter(({ protocol = "TCP" }: ServicePort) => protocol === "TCP");
  if (service.metadata.deletionTimestamp !== undefined || (type !== "LoadBalancer" && type !== "NodePort")) return [];
  return ports.flatMap((port) => [
    ...(type === "LoadBalancer" ? [{ listenPort: port.port, port }] : []),
    ...(port.nodePort === undefined ? [] : [{ listenPort: port.nodePort, port }]),
  ]);
}
