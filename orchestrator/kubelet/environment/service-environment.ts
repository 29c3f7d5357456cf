/** Variables by which a container finds services. Decides, and does nothing. Spec: Kubernetes documentation, "Service", "Environment variables". */
import type { KubeObject } from "../../cluster.ts";
import type { ServicePort } from "../../controllers/endpoints/plan.ts";
import { specOf } from "../pod-spec.ts";

/** The API's own always; those of the pod's namespace unless it does without. */
export function serviceEnvironment(pod: KubeObject, services: readonly KubeObject[]): ReadonlyMap<string, string> {
  const { enableServiceLinks = true } = specOf(pod);
  const isMaster = ({ metadata }: KubeObject): boolean => metadata.namespace === "default" && metadata.name === "kubernetes";
  const own = services.filter(({ metadata }) => enableServiceLinks && metadata.namespace === pod.metadata.namespace);
  const master = own.some(({ metadata }) => metadata.name === "kubernetes") ? [] : services.filter(isMaster);
  return new Map([...master, ...own].flatMap(variablesOf));
}

function variablesOf({ metadata, spec }: KubeObject): readonly (readonly [string, string])[] {
  const ports: readonly ServicePort[] = spec.ports ?? [];
  const address: string = spec.clusterIP ?? "";
  const [first] = ports;
  if (address === "" || address === "None" || first === undefined) return [];
  const name = variableName(metadata.name);
  const named = ports
    .filter((port) => (port.name ?? "") !== "")
    .map((port) => [`${name}_SERVICE_PORT_${variableName(port.name ?? "")}`, String(port.port)] as const);
  return [
    [`${name}_SERVICE_HOST`, address],
    [`${name}_SERVICE_PORT`, String(first.port)],
    ...named,
    [`${name}_PORT`, urlOf(address, first)],
    ...ports.flatMap((port) => linkVariables(name, address, port)),
  ];
}

/** As docker had them for linked containers. */
function linkVariables(name: string, address: string, port: ServicePort): readonly (readonly [string, string])[] {
  const protocol = port.protocol ?? "TCP";
  const prefix = `${name}_PORT_${port.port}_${protocol.toUpperCase()}`;
  return [
    [prefix, urlOf(address, port)],
    [`${prefix}_PROTO`, protocol.toLowerCase()],
    [`${prefix}_PORT`, String(port.port)],
    [`${prefix}_ADDR`, address],
  ];
}

function urlOf(address: string, { protocol = "TCP", port }: ServicePort): string {
  return `${protocol.toLowerCase()}://${address}:${port}`;
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}
