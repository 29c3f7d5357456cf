/** What services and their endpoints ask of their fields. Spec: Kubernetes API reference, "Service", "EndpointSlice". */
import { duplicate, forbiddenField, invalid, required, tooMany, type FieldError } from "../field-error.ts";
import { checked, each, fields, named, neededOneOf, oneOf, optionalPort, port, unique, type FieldRule, type StructRule } from "./field-rules.ts";
import { validateLabels } from "../labels.ts";
import { addressProblem, labelProblem, portProblem, qualifiedNameProblem, subdomainProblem } from "../names.ts";
import type { RuleTable } from "./rule-table.ts";

const protocol = oneOf("SCTP", "TCP", "UDP");

const isHeadless = ({ clusterIP }: any): boolean => clusterIP === "None";
const isExternal = ({ type }: any): boolean => type === "NodePort" || type === "LoadBalancer";

const portsThere: StructRule = (spec, path) => {
  const { ports = [], type } = spec;
  if (ports.length === 0) return type === "ExternalName" || isHeadless(spec) ? [] : [required(`${path}.ports`)];
  return ports.length === 1 ? [] : ports.flatMap(({ name }: any, index: number) => (name === undefined ? [required(`${path}.ports[${index}].name`)] : []));
};

const portsOnce: StructRule = ({ ports = [] }, path) => {
  const repeats = (keyOf: (one: any) => string | undefined): readonly number[] => {
    const all: readonly (string | undefined)[] = ports.map(keyOf);
    return all.flatMap((key, index) => (key !== undefined && all.indexOf(key) < index ? [index] : []));
  };
  const shown = (one: any): object => ({ Name: "", Protocol: one.protocol, AppProtocol: null, Port: one.port, TargetPort: 0, NodePort: 0 });
  return [
    ...repeats(({ nodePort, protocol: of }) => (nodePort ? `${of}/${nodePort}` : undefined)).map((at) =>
      duplicate(`${path}.ports[${at}].nodePort`, ports[at].nodePort),
    ),
    ...repeats(({ port: number, protocol: of }) => `${of}/${number}`).map((at) => duplicate(`${path}.ports[${at}]`, shown(ports[at]))),
  ];
};

const byType: StructRule = (spec, path): readonly FieldError[] => {
  const { type, ports = [], externalName = "" } = spec;
  if (type === "ExternalName") {
    if (externalName === "") return [required(`${path}.externalName`)];
    return checked((name: string) => subdomainProblem(name.replace(/\.$/, "")))(externalName, `${path}.externalName`);
  }
  if (isExternal(spec)) return isHeadless(spec) ? [invalid(`${path}.clusterIPs[0]`, "None", `may not be set to 'None' for ${type} services`)] : [];
  return ports.flatMap(({ nodePort = 0 }: any, index: number) =>
    nodePort === 0 ? [] : [forbiddenField(`${path}.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'")],
  );
};

const trafficPolicies: StructRule = (spec, path) =>
  spec.externalTrafficPolicy === undefined || isExternal(spec)
    ? oneOf("Cluster", "Local")(spec.externalTrafficPolicy, `${path}.externalTrafficPolicy`)
    : [invalid(`${path}.externalTrafficPolicy`, spec.externalTrafficPolicy, "may only be set for externally-accessible services")];

const MAX_AFFINITY_SECONDS = 86_400;
const affinity: StructRule = ({ sessionAffinity, sessionAffinityConfig }, path) => {
  const at = `${path}.sessionAffinityConfig`;
  if (sessionAffinity === "None") return sessionAffinityConfig === undefined ? [] : [forbiddenField(at, "must not be set when session affinity is None")];
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (seconds === undefined || (seconds > 0 && seconds <= MAX_AFFINITY_SECONDS)) return [];
  return [invalid(`${at}.clientIP.timeoutSeconds`, seconds, `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`)];
};

const addressesThere: StructRule = ({ addresses = [], notReadyAddresses = [] }, path) =>
  addresses.length + notReadyAddresses.length > 0 ? [] : [required(path, "must specify `addresses` or `notReadyAddresses`")];

/** Endpoints with several ports need to tell them apart. */
const endpointPortNames: StructRule = ({ ports = [] }, path) =>
  ports.length < 2 ? [] : ports.flatMap(({ name = "" }: any, index: number) => (name === "" ? [required(`${path}.ports[${index}].name`)] : []));

const MAX_ADDRESSES = 100;
const addresses: FieldRule = (list: readonly string[] | undefined, path) => {
  if ((list ?? []).length === 0) return [required(path, "must contain at least 1 address")];
  return list!.length > MAX_ADDRESSES ? [tooMany(path, list!.length, MAX_ADDRESSES)] : [];
};

const ofAddressType: StructRule = ({ addressType, endpoints = [] }, path) => {
  if (addressType === "FQDN") return [];
  return endpoints.flatMap((endpoint: any, at: number) => each(checked(addressProblem))(endpoint.addresses, `${path}endpoints[${at}].addresses`));
};

export const serviceRules: RuleTable = {
  "core/v1.ServiceSpec": [
    portsThere,
    fields({
      type: oneOf("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"),
      sessionAffinity: oneOf("ClientIP", "None"),
      internalTrafficPolicy: oneOf("Cluster", "Local"),
      ports: unique("name"),
      selector: validateLabels,
      externalIPs: each(checked(addressProblem)),
    }),
    byType,
    portsOnce,
    trafficPolicies,
    affinity,
  ],
  "core/v1.ServicePort": [
    fields({ name: named(labelProblem), port, protocol, targetPort: checked(portProblem), nodePort: optionalPort, appProtocol: named(qualifiedNameProblem) }),
  ],
  "core/v1.EndpointSubset": [addressesThere, endpointPortNames],
  "core/v1.EndpointAddress": [fields({ ip: checked(addressProblem), hostname: named(labelProblem) })],
  "core/v1.EndpointPort": [fields({ name: named(labelProblem), port, protocol })],
  "discovery/v1.EndpointSlice": [fields({ addressType: neededOneOf("FQDN", "IPv4", "IPv6"), ports: unique("name") }), ofAddressType],
  "discovery/v1.Endpoint": [fields({ addresses, hostname: named(labelProblem) })],
  "discovery/v1.EndpointPort": [fields({ name: named(labelProblem), port, protocol })],
};
