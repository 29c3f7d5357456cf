/** What ingresses and network policies ask of their fields. Spec: Kubernetes API reference, "Ingress", "NetworkPolicy". */
import { forbiddenField, invalid, required, type FieldError } from "../field-error.ts";
import { checked, each, fields, named, needed, neededName, neededOneOf, oneOf, type FieldRule, type StructRule } from "./field-rules.ts";
import { portProblem, rangeProblem, serviceNameProblem, subdomainProblem, wildcardProblem } from "../names.ts";
import type { RuleTable } from "./rule-table.ts";

const host: FieldRule = (value = "", path) => {
  if (value === "") return [];
  if (/^[0-9.]+$|:/.test(value)) return [invalid(path, value, "must be a DNS name, not an IP address")];
  return checked(value.includes("*") ? wildcardProblem : subdomainProblem)(value, path);
};

const somewhere: StructRule = ({ rules = [], defaultBackend }, path) =>
  rules.length === 0 && defaultBackend === undefined ? [invalid(path, rules, "either `defaultBackend` or `rules` must be specified")] : [];

/** Of the path of a request; only one type is a pattern of the controller's own. */
const pathOfRequest: StructRule = ({ path: text = "", pathType }, path): readonly FieldError[] => {
  const at = `${path}.path`;
  if (pathType === undefined || pathType === "") return [required(`${path}.pathType`, "pathType must be specified")];
  if (pathType === "ImplementationSpecific") return text === "" || text.startsWith("/") ? [] : [invalid(at, text, "must be an absolute path")];
  if (!text.startsWith("/")) return [invalid(at, text, "must be an absolute path")];
  const bad = ["//", "/./", "/../", "%2f", "%2F"].find((part) => text.includes(part));
  return bad === undefined ? [] : [invalid(at, text, `must not contain '${bad}'`)];
};

const oneBackend: StructRule = ({ service, resource }, path) => {
  if (service !== undefined && resource !== undefined) return [invalid(path, "", "cannot set both resource and service backends")];
  return service === undefined && resource === undefined ? [required(path, "resource or service backend is required")] : [];
};

const oneServicePort: StructRule = ({ name, number }, path) => {
  if (name !== undefined && number !== undefined) return [invalid(path, "", "cannot set both port name & port number")];
  if (name === undefined && number === undefined) return [required(path, "port name or number is required")];
  return checked(portProblem)(name ?? number, `${path}.${name === undefined ? "number" : "name"}`);
};

const onePeer: StructRule = ({ podSelector, namespaceSelector, ipBlock }, path) => {
  const selects = podSelector !== undefined || namespaceSelector !== undefined;
  if (!selects && ipBlock === undefined) return [required(path, "must specify a peer")];
  return selects && ipBlock !== undefined ? [forbiddenField(path, "may not specify both ipBlock and another peer")] : [];
};

const endsAfter: StructRule = ({ port, endPort }, path) => {
  if (endPort === undefined) return [];
  if (typeof port !== "number") return [required(`${path}.port`, "must be specified and numeric when `endPort` is specified")];
  return endPort < port ? [invalid(`${path}.endPort`, endPort, "must be greater than or equal to `port`")] : [];
};

export const networkRules: RuleTable = {
  "networking/v1.IngressSpec": [somewhere, fields({ ingressClassName: named(subdomainProblem) })],
  "networking/v1.IngressTLS": [fields({ hosts: each(host) })],
  "networking/v1.IngressRule": [fields({ host })],
  "networking/v1.HTTPIngressRuleValue": [fields({ paths: needed })],
  "networking/v1.HTTPIngressPath": [fields({ pathType: oneOf("Exact", "ImplementationSpecific", "Prefix") }), pathOfRequest],
  "networking/v1.IngressBackend": [oneBackend],
  "networking/v1.IngressServiceBackend": [fields({ name: neededName(serviceNameProblem) }), ({ port = {} }, path) => oneServicePort(port, `${path}.port`)],
  "networking/v1.NetworkPolicySpec": [fields({ policyTypes: each(neededOneOf("Egress", "Ingress")) })],
  "networking/v1.NetworkPolicyPort": [fields({ port: checked(portProblem), protocol: oneOf("SCTP", "TCP", "UDP") }), endsAfter],
  "networking/v1.NetworkPolicyPeer": [onePeer],
  "networking/v1.IPBlock": [fields({ cidr: neededName(rangeProblem), except: each(checked(rangeProblem)) })],
  "networking/v1.IngressClassSpec": [fields({ controller: needed })],
};
