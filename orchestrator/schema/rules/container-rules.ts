/** What containers ask of their fields. Spec: Kubernetes API reference, "Container". */
import { duplicate, forbiddenField, invalid, notSupported, required, type FieldError } from "../field-error.ts";
import {
  all,
  between,
  checked,
  each,
  fields,
  named,
  needed,
  neededName,
  neededPort,
  notNegative,
  oneOf,
  optionalPort,
  positive,
  quantities,
  unique,
  type FieldRule,
  type StructRule,
} from "./field-rules.ts";
import {
  configKeyProblem,
  environmentNameProblem,
  headerNameProblem,
  labelProblem,
  localPathProblem,
  portNameProblem,
  portProblem,
  subdomainProblem,
} from "../names.ts";
import { containerResource } from "../resource-names.ts";
import type { RuleTable } from "./rule-table.ts";
import { requestsWithinLimits } from "./struct-rules.ts";

/** Exactly one of `kinds` may be there. */
const oneHandler =
  (...kinds: readonly string[]): StructRule =>
  (value, path) => {
    const [first, ...others] = kinds.filter((kind) => value[kind] !== undefined);
    if (first === undefined) return [required(path, "must specify a handler type")];
    return others.map((kind) => forbiddenField(`${path}.${kind}`, "may not specify more than 1 handler type"));
  };

/** A container that is alive is so at the first success. */
const probesOfContainer: StructRule = ({ livenessProbe, startupProbe, readinessProbe }, path) => [
  ...Object.entries({ livenessProbe, startupProbe }).flatMap(([name, probe]) =>
    probe !== undefined && probe.successThreshold !== 1 ? [invalid(`${path}.${name}.successThreshold`, probe.successThreshold, "must be 1")] : [],
  ),
  ...(readinessProbe?.terminationGracePeriodSeconds === undefined
    ? []
    : [invalid(`${path}.readinessProbe.terminationGracePeriodSeconds`, readinessProbe.terminationGracePeriodSeconds, "must not be set for readinessProbes")]),
];

const mountsOnce: FieldRule = (mounts: readonly any[] | undefined, path) => {
  const paths = (mounts ?? []).map(({ mountPath }) => mountPath);
  return paths.flatMap((mountPath, index) => (paths.indexOf(mountPath) < index ? [invalid(`${path}[${index}].mountPath`, mountPath, "must be unique")] : []));
};

const subPathOnce: StructRule = ({ subPath, subPathExpr }, path) =>
  subPath !== undefined && subPathExpr !== undefined ? [invalid(`${path}.subPathExpr`, subPathExpr, "subPathExpr and subPath are mutually exclusive")] : [];

const oneSource =
  (kinds: readonly string[], listed: string): StructRule =>
  (value, path) => {
    const given = kinds.filter((kind) => value[kind] !== undefined).length;
    if (given === 1) return [];
    return [invalid(path, "", given === 0 ? `must specify one of: ${listed}` : "may not have more than one field specified at a time")];
  };

const ofEnvironment = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
/** Fields of a pod that can be named, though not everywhere. */
const ofPods = new Set([...ofEnvironment, "metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase"]);

/** `metadata.labels['app']`, or one of `supported`. */
export function fieldPath(supported: readonly string[]): FieldRule {
  return (selector, path) => {
    if (selector === undefined) return [];
    const { fieldPath: text = "" } = selector;
    const at = `${path}.fieldPath`;
    if (text === "") return [required(at)];
    const [, base = text, subscript] = /^(.*)\['(.*)'\]$/.exec(text) ?? [];
    if (!ofPods.has(base)) return [invalid(at, text, `error converting fieldPath: field label not supported: ${base}`)];
    if (subscript === undefined) return supported.includes(text) ? [] : [notSupported(at, text, supported)];
    return base === "metadata.labels" || base === "metadata.annotations" ? [] : [invalid(path, base, "does not support subscript")];
  };
}

const measured = ["limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"];
const measuredResource: FieldRule = (value, path) => {
  if (value === undefined || value === "") return [required(path)];
  return /^(requests|limits)\.hugepages-/.test(value) ? [] : oneOf(...measured)(value, path);
};

const keyOf: StructRule = fields({ name: checked(subdomainProblem), key: neededName(configKeyProblem) });
const objectName: StructRule = fields({ name: neededName(subdomainProblem) });

const MAX_ID = 2 ** 31 - 1;
export const identity: FieldRule = between(0, MAX_ID);

const privilege: StructRule = (context, path) =>
  context.privileged === true && context.allowPrivilegeEscalation === false
    ? [invalid(path, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")]
    : [];

const localProfile: StructRule = ({ type, localhostProfile }, path): readonly FieldError[] => {
  if (type === undefined || type === "") return [required(`${path}.type`, "type is required when seccompProfile is set")];
  if (type === "Localhost") return localhostProfile === undefined ? [required(`${path}.localhostProfile`, "must be set when seccomp type is Localhost")] : [];
  if (localhostProfile === undefined) return [];
  return [invalid(`${path}.localhostProfile`, localhostProfile, "can only be set when seccomp type is Localhost")];
};

const container: readonly StructRule[] = [
  fields({
    name: neededName(labelProblem),
    image: needed,
    imagePullPolicy: oneOf("Always", "IfNotPresent", "Never"),
    terminationMessagePolicy: oneOf("File", "FallbackToLogsOnError"),
    ports: unique("name"),
    volumeMounts: mountsOnce,
  }),
  probesOfContainer,
];

export const containerRules: RuleTable = {
  "core/v1.Container": container,
  "core/v1.EphemeralContainer": container,
  "core/v1.ContainerPort": [fields({ name: named(portNameProblem), containerPort: neededPort, hostPort: optionalPort, protocol: oneOf("SCTP", "TCP", "UDP") })],
  "core/v1.EnvVar": [
    fields({ name: neededName(environmentNameProblem) }),
    ({ value, valueFrom }, path) =>
      value !== undefined && valueFrom !== undefined ? [invalid(`${path}.valueFrom`, "", "may not be specified when `value` is not empty")] : [],
  ],
  "core/v1.EnvVarSource": [
    oneSource(["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef"], "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"),
    fields({ fieldRef: fieldPath(ofEnvironment) }),
  ],
  "core/v1.EnvFromSource": [fields({ prefix: named(environmentNameProblem) }), oneSource(["configMapRef", "secretRef"], "`configMapRef` or `secretRef`")],
  "core/v1.ConfigMapEnvSource": [objectName],
  "core/v1.SecretEnvSource": [objectName],
  "core/v1.ConfigMapKeySelector": [keyOf],
  "core/v1.SecretKeySelector": [keyOf],
  "core/v1.ResourceFieldSelector": [fields({ resource: measuredResource })],
  "core/v1.VolumeMount": [fields({ name: needed, mountPath: needed, subPath: named(localPathProblem), subPathExpr: named(localPathProblem) }), subPathOnce],
  "core/v1.VolumeDevice": [fields({ name: needed, devicePath: needed })],
  "core/v1.ResourceRequirements": [fields({ limits: all(containerResource, quantities), requests: all(containerResource, quantities) }), requestsWithinLimits],
  "core/v1.Probe": [
    oneHandler("exec", "httpGet", "tcpSocket", "grpc"),
    fields({
      initialDelaySeconds: notNegative,
      timeoutSeconds: notNegative,
      periodSeconds: notNegative,
      successThreshold: notNegative,
      failureThreshold: notNegative,
      terminationGracePeriodSeconds: positive,
    }),
  ],
  "core/v1.LifecycleHandler": [oneHandler("exec", "httpGet", "tcpSocket", "sleep")],
  "core/v1.ExecAction": [fields({ command: needed })],
  "core/v1.HTTPGetAction": [fields({ path: needed, port: checked(portProblem), scheme: oneOf("HTTP", "HTTPS") })],
  "core/v1.HTTPHeader": [fields({ name: checked(headerNameProblem) })],
  "core/v1.TCPSocketAction": [fields({ port: checked(portProblem) })],
  "core/v1.GRPCAction": [fields({ port: checked(portProblem) })],
  "core/v1.SecurityContext": [fields({ runAsUser: identity, runAsGroup: identity, procMount: oneOf("Default", "Unmasked") }), privilege],
  "core/v1.SeccompProfile": [fields({ type: oneOf("Localhost", "RuntimeDefault", "Unconfined") }), localProfile],
};

/** Ports of the host are given once, over all `containers`. */
export function hostPortsOnce(containers: readonly any[], path: string): readonly FieldError[] {
  const seen = new Set<string>();
  return containers.flatMap(({ ports = [] }, at) =>
    ports.flatMap(({ protocol, hostIP = "", hostPort = 0 }: any, index: number) => {
      const text = `${protocol}/${hostIP}/${hostPort}`;
      if (hostPort === 0 || seen.size === seen.add(text).size) return hostPort === 0 ? [] : [duplicate(`${path}[${at}].ports[${index}].hostPort`, text)];
      return [];
    }),
  );
}

export const groups: FieldRule = each(identity);
