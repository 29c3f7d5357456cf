/** Where a connection to a service port may go, read from the cluster at the moment it is made. Decides, and does nothing. */
import type { KubeObject } from "../cluster.ts";
import { planSlices, type Endpoint, type ServicePort } from "../controllers/endpoints/plan.ts";

export interface Backend {
  readonly host: string;
  readonly port: number;
  /** Of the pod. */
  readonly uid: string;
}

/** Ready pods; when there is none, those that still serve while they end. */
export function backendsOf(service: KubeObject, port: ServicePort, pods: readonly KubeObject[]): readonly Backend[] {
  const drafts = planSlices(service, pods);
  const those = (wanted: (endpoint: Endpoint) => boolean): readonly Backend[] =>
    drafts.flatMap(({ ports, endpoints }) => {
      const target = ports.find(({ name }) => name === (port.name ?? ""));
      return target === undefined
        ? []
        : endpoints.filter(wanted).map(({ addresses, targetRef }) => ({ host: addresses[0] ?? "", port: target.port, uid: targetRef["uid"] ?? "" }));
    });
  const ready = those(({ conditions }) => conditions.ready);
  return ready.length > 0 ? ready : those(({ conditions }) => conditions.serving && conditions.terminating);
}
