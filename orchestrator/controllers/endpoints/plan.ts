/** The EndpointSlices of a Service from its pods. Decides, and does nothing. Spec: Kubernetes documentation, "EndpointSlices". */
import type { KubeObject } from "../../cluster.ts";
import { isReady, isTerminal } from "../pods.ts";
import { holds } from "../labels.ts";

export const SLICES = "endpointslices.discovery.k8s.io";
/** On a slice: the name of its service. */
export const SERVICE_LABEL = "kubernetes.io/service-name";

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly targetPort?: number | string;
  readonly nodePort?: number;
}

export interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions: { readonly ready: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly nodeName?: string;
  readonly hostname?: string;
  readonly targetRef?: Readonly<Record<string, string>>;
}

export interface SlicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
}

export interface SliceDraft {
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly Endpoint[];
}

/** Most endpoints in one slice. */
const MAX_ENDPOINTS = 100;

/** `pods`: of the service's namespace. Pods that resolve a named port differently go to slices of their own. */
export function planSlices(service: KubeObject, pods: readonly KubeObject[]): readonly SliceDraft[] {
  const groups = new Map<string, { readonly ports: readonly SlicePort[]; readonly endpoints: Endpoint[] }>();
  for (const pod of selectedPods(service, pods)) {
    const ports = portsFor(service, pod);
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(service, pod));
    groups.set(key, group);
  }
  return [...groups.values()].flatMap(({ ports, endpoints }) => chunks(endpoints, MAX_ENDPOINTS).map((part) => ({ ports, endpoints: part })));
}

/** Whether the endpoints of a service are the cluster's to keep. */
export function hasSelector({ spec }: KubeObject): boolean {
  return Object.keys(spec?.selector ?? {}).length > 0 && spec.type !== "ExternalName";
}

/** Pods that have an address and have not ended, by name. */
function selectedPods(service: KubeObject, pods: readonly KubeObject[]): readonly KubeObject[] {
  const selector: Readonly<Record<string, string>> = service.spec?.selector ?? {};
  if (!hasSelector(service)) return [];
  return pods
    .filter((pod) => holds(pod.metadata.labels, selector) && pod.status?.podIP !== undefined && !isTerminal(pod))
    .toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1));
}

function endpointOf(service: KubeObject, pod: KubeObject): Endpoint {
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isReady(pod);
  const { hostname, subdomain, nodeName } = pod.spec;
  const ref = { kind: "Pod", namespace: pod.metadata.namespace ?? "", name: pod.metadata.name, uid: pod.metadata.uid };
  return {
    addresses: [pod.status.podIP],
    conditions: { ready: (serving && !terminating) || service.spec.publishNotReadyAddresses === true, serving, terminating },
    ...(hostname !== undefined && subdomain === service.metadata.name ? { hostname } : {}),
    targetRef: ref,
    ...(nodeName === undefined ? {} : { nodeName }),
  };
}

function portsFor(service: KubeObject, pod: KubeObject): readonly SlicePort[] {
  const ports: readonly ServicePort[] = service.spec.ports ?? [];
  return ports.flatMap(({ name = "", port, protocol = "TCP", targetPort = port }) => {
    const resolved = typeof targetPort === "number" ? targetPort : namedPort(pod, targetPort, protocol);
    return resolved === undefined ? [] : [{ name, port: resolved, protocol }];
  });
}

function namedPort(pod: KubeObject, name: string, protocol: string): number | undefined {
  const containers: readonly { readonly ports?: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[] }[] =
    pod.spec.containers ?? [];
  return containers.flatMap(({ ports = [] }) => ports).find((port) => port.name === name && (port.protocol ?? "TCP") === protocol)?.containerPort;
}

function chunks<T>(list: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) => list.slice(index * size, (index + 1) * size));
}
