/** A Service, with the addresses behind each of its ports. Pure. */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { formatSelector } from "../../orchestrator/schema/selector.ts";
import { annotationLines, labelLines, NONE } from "./fields.ts";

interface Port {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly targetPort?: number | string;
  readonly nodePort?: number;
}

interface Ingress {
  readonly ip?: string;
  readonly hostname?: string;
  readonly ipMode?: string;
}

interface ServiceSpec {
  readonly type?: string;
  readonly selector?: Readonly<Record<string, string>>;
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly ipFamilyPolicy?: string;
  readonly ipFamilies?: readonly string[];
  readonly externalIPs?: readonly string[];
  readonly externalName?: string;
  readonly loadBalancerIP?: string;
  readonly ports?: readonly Port[];
  readonly sessionAffinity?: string;
  readonly externalTrafficPolicy?: string;
  readonly internalTrafficPolicy?: string;
  readonly healthCheckNodePort?: number;
  readonly loadBalancerSourceRanges?: readonly string[];
}

/** Addresses that are shown of a port. */
const SHOWN = 3;

/** `slices`: of this service. */
export function describeService({ metadata, spec: written, status }: KubeObject, slices: readonly KubeObject[]): readonly string[] {
  const spec: ServiceSpec = written;
  const ingress: readonly Ingress[] = status?.loadBalancer?.ingress ?? [];
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    ...labelLines("Labels", metadata.labels),
    ...annotationLines("Annotations", metadata.annotations),
    `Selector:\t${formatSelector({ matchLabels: spec.selector ?? {} })}`,
    `Type:\t${spec.type ?? ""}`,
    ...(spec.ipFamilyPolicy === undefined ? [] : [`IP Family Policy:\t${spec.ipFamilyPolicy}`]),
    `IP Families:\t${spec.ipFamilies?.join(",") ?? NONE}`,
    `IP:\t${spec.clusterIP ?? ""}`,
    `IPs:\t${spec.clusterIPs?.join(",") ?? NONE}`,
    ...listed("External IPs", spec.externalIPs),
    ...listed("Desired LoadBalancer IP", spec.loadBalancerIP === undefined ? [] : [spec.loadBalancerIP]),
    ...(spec.externalName === undefined || spec.externalName === "" ? [] : [`External Name:\t${spec.externalName}`]),
    ...listed(
      "LoadBalancer Ingress",
      ingress.map(({ ip, hostname = "", ipMode }) => (ip ?? hostname) + (ipMode === undefined ? "" : ` (${ipMode})`)),
    ),
    ...(spec.ports ?? []).flatMap((port) => portLines(port, slices)),
    ...(spec.sessionAffinity === undefined ? [] : [`Session Affinity:\t${spec.sessionAffinity}`]),
    ...(spec.externalTrafficPolicy === undefined ? [] : [`External Traffic Policy:\t${spec.externalTrafficPolicy}`]),
    ...(spec.internalTrafficPolicy === undefined ? [] : [`Internal Traffic Policy:\t${spec.internalTrafficPolicy}`]),
    ...((spec.healthCheckNodePort ?? 0) === 0 ? [] : [`HealthCheck NodePort:\t${spec.healthCheckNodePort}`]),
    ...listed("LoadBalancer Source Ranges", spec.loadBalancerSourceRanges),
  ];
}

function listed(title: string, texts: readonly string[] = []): readonly string[] {
  return texts.length === 0 ? [] : [`${title}:\t${texts.join(",")}`];
}

function portLines({ name = "", port, protocol = "TCP", targetPort = port, nodePort = 0 }: Port, slices: readonly KubeObject[]): readonly string[] {
  const title = name === "" ? "<unset>" : name;
  return [
    `Port:\t${title}\t${port}/${protocol}`,
    `TargetPort:\t${targetPort}/${protocol}`,
    ...(nodePort === 0 ? [] : [`NodePort:\t${title}\t${nodePort}/${protocol}`]),
    `Endpoints:\t${endpointsText(name, slices)}`,
  ];
}

interface SliceFields {
  readonly ports?: readonly { readonly name?: string; readonly port: number }[];
  readonly endpoints?: readonly { readonly addresses: readonly string[]; readonly conditions?: { readonly ready?: boolean } }[];
}

function endpointsText(name: string, slices: readonly KubeObject[]): string {
  if (slices.length === 0) return NONE;
  const addresses = slices.flatMap((slice) => {
    const { ports = [], endpoints = [] } = slice as SliceFields;
    const port = ports.find((one) => (one.name ?? "") === name)?.port;
    if (port === undefined) return [];
    return endpoints.flatMap(({ addresses: [address = ""], conditions }) =>
      conditions?.ready === false ? [] : [address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`],
    );
  });
  const hidden = addresses.length - SHOWN;
  return addresses.slice(0, SHOWN).join(",") + (hidden > 0 ? ` + ${hidden} more...` : "");
}
