/** What pods ask of their fields, besides those of their containers. Spec: Kubernetes API reference, "Pod". */
import { hostPortsOnce, groups, identity } from "./container-rules.ts";
import { duplicate, forbiddenField, invalid, notSupported, required, type FieldError } from "../field-error.ts";
import {
  all,
  between,
  checked,
  each,
  fields,
  named,
  needed,
  neededBecause,
  neededName,
  notNegative,
  oneOf,
  unique,
  type FieldRule,
  type StructRule,
} from "./field-rules.ts";
import { validateAnnotations, validateLabels } from "../labels.ts";
import { addressProblem, labelProblem, labelValueProblem, qualifiedNameProblem, subdomainProblem } from "../names.ts";
import type { RuleTable } from "./rule-table.ts";
import { valuesFitOperator } from "./struct-rules.ts";

const namesAcrossContainers: StructRule = ({ containers = [], initContainers = [] }, path) => {
  const seen = new Set(containers.map(({ name }: any) => name));
  return initContainers.flatMap(({ name }: any, index: number) => {
    const repeated = name !== undefined && name !== "" && seen.has(name);
    seen.add(name);
    return repeated ? [duplicate(`${path}.initContainers[${index}].name`, name)] : [];
  });
};

const runningOnly = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const;

/** What only containers that keep running may have, and which of them do. */
const runningParts: StructRule = ({ containers = [], initContainers = [] }, path) => [
  ...containers.flatMap(({ restartPolicy }: any, index: number) =>
    restartPolicy === undefined ? [] : [forbiddenField(`${path}.containers[${index}].restartPolicy`, "may not be set for non-init containers")],
  ),
  ...initContainers.flatMap((init: any, index: number) => {
    const at = `${path}.initContainers[${index}]`;
    if (init.restartPolicy === "Always") return [];
    const wrong = init.restartPolicy === undefined ? [] : [notSupported(`${at}.restartPolicy`, init.restartPolicy, ["Always"])];
    const parts = runningOnly.filter((part) => init[part] !== undefined);
    return [...wrong, ...parts.map((part) => forbiddenField(`${at}.${part}`, "may not be set for init containers without restartPolicy=Always"))];
  }),
];

const hostPorts: StructRule = ({ containers = [], hostNetwork }, path) => [
  ...(hostNetwork === true
    ? containers.flatMap(({ ports = [] }: any, at: number) =>
        ports.flatMap(({ hostPort = 0, containerPort }: any, index: number) =>
          hostPort === 0 || hostPort === containerPort
            ? []
            : [invalid(`${path}.containers[${at}].ports[${index}].hostPort`, hostPort, "must match `containerPort` when `hostNetwork` is true")],
        ),
      )
    : []),
  ...hostPortsOnce(containers, `${path}.containers`),
];

const sleepsWithinGrace: StructRule = ({ containers = [], terminationGracePeriodSeconds: grace = 30 }, path) =>
  containers.flatMap(({ lifecycle = {} }: any, index: number) =>
    (["postStart", "preStop"] as const).flatMap((hook) => {
      const seconds = lifecycle[hook]?.sleep?.seconds;
      if (seconds === undefined || (seconds >= 0 && seconds <= grace)) return [];
      const says = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
      return [invalid(`${path}.containers[${index}].lifecycle.${hook}.sleep`, seconds, says)];
    }),
  );

const ownNameServers: StructRule = ({ dnsPolicy, dnsConfig }, path) => {
  if (dnsPolicy !== "None") return [];
  if (dnsConfig === undefined) return [required(`${path}.dnsConfig`, "must provide `dnsConfig` when `dnsPolicy` is None")];
  const given = (dnsConfig.nameservers ?? []).length > 0;
  return given ? [] : [required(`${path}.dnsConfig.nameservers`, "must provide at least one DNS nameserver when `dnsPolicy` is None")];
};

const MAX_NAME_SERVERS = 3;
const nameServers: FieldRule = (servers: readonly string[] | undefined, path) => [
  ...((servers ?? []).length > MAX_NAME_SERVERS ? [invalid(path, servers, `must not have more than ${MAX_NAME_SERVERS} nameservers`)] : []),
  ...each(checked(addressProblem))(servers, path),
];

const toleration: StructRule = ({ key = "", operator, value = "", effect, tolerationSeconds }, path): readonly FieldError[] => [
  ...(key === "" && operator !== "Exists"
    ? [invalid(`${path}.operator`, operator ?? "", 'operator must be Exists when `key` is empty, which means "match all values and all keys"')]
    : []),
  ...(tolerationSeconds !== undefined && effect !== "NoExecute"
    ? [invalid(`${path}.effect`, effect ?? "", "effect must be 'NoExecute' when `tolerationSeconds` is set")]
    : []),
  ...(operator === "Exists"
    ? value === ""
      ? []
      : [invalid(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'")]
    : checked(labelValueProblem)(value, `${path}.operator`)),
];

const gates: FieldRule = (list: readonly any[] | undefined, path) =>
  (list ?? []).flatMap(({ name }, index) => {
    const repeated = list!.findIndex((other) => other.name === name) < index;
    return [...checked(qualifiedNameProblem)(name, `${path}[${index}]`), ...(repeated ? [duplicate(`${path}[${index}]`, name)] : [])];
  });

const nodeRequirement: StructRule = (requirement, path) => {
  const { operator, values = [] } = requirement;
  if (operator !== "Gt" && operator !== "Lt") return valuesFitOperator(requirement, path);
  return values.length === 1 ? [] : [required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
};

const weight: FieldRule = (value = 0, path) => (value >= 1 && value <= 100 ? [] : [invalid(path, value, "must be in the range 1-100")]);

export const podRules: RuleTable = {
  "core/v1.PodTemplateSpec": [
    ({ metadata, spec }, path) => [
      ...validateLabels(metadata?.labels, `${path}.labels`),
      ...validateAnnotations(metadata?.annotations, `${path}.annotations`),
      ...(spec?.ephemeralContainers === undefined
        ? []
        : [forbiddenField(`${path}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template")]),
    ],
  ],
  "core/v1.PodSpec": [
    fields({
      volumes: unique("name"),
      containers: all(needed, unique("name")),
      restartPolicy: oneOf("Always", "OnFailure", "Never"),
      dnsPolicy: oneOf("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"),
      terminationGracePeriodSeconds: notNegative,
      activeDeadlineSeconds: between(1, 2 ** 31 - 1),
      hostname: named(labelProblem),
      subdomain: named(labelProblem),
      nodeName: named(subdomainProblem),
      serviceAccountName: named(subdomainProblem),
      priorityClassName: named(subdomainProblem),
      runtimeClassName: named(subdomainProblem),
      preemptionPolicy: oneOf("PreemptLowerPriority", "Never"),
      nodeSelector: validateLabels,
      schedulingGates: gates,
    }),
    namesAcrossContainers,
    runningParts,
    hostPorts,
    sleepsWithinGrace,
    ownNameServers,
  ],
  "core/v1.PodSecurityContext": [
    fields({
      runAsUser: identity,
      runAsGroup: identity,
      fsGroup: identity,
      supplementalGroups: groups,
      fsGroupChangePolicy: oneOf("Always", "OnRootMismatch"),
    }),
  ],
  "core/v1.PodDNSConfig": [fields({ nameservers: nameServers, searches: each(checked((text: string) => subdomainProblem(text.replace(/\.$/, "")))) })],
  "core/v1.HostAlias": [fields({ ip: checked(addressProblem), hostnames: each(checked(subdomainProblem)) })],
  "core/v1.PodReadinessGate": [fields({ conditionType: checked(qualifiedNameProblem) })],
  "core/v1.Toleration": [
    fields({ key: named(qualifiedNameProblem), operator: oneOf("Equal", "Exists"), effect: oneOf("NoSchedule", "PreferNoSchedule", "NoExecute") }),
    toleration,
  ],
  "core/v1.TopologySpreadConstraint": [
    fields({
      maxSkew: (value = 0, path) => (value > 0 ? [] : [invalid(path, value, "must be greater than zero")]),
      topologyKey: (value = "", path) => (value === "" ? [required(path, "can not be empty")] : checked(qualifiedNameProblem)(value, path)),
      whenUnsatisfiable: oneOf("DoNotSchedule", "ScheduleAnyway"),
    }),
  ],
  "core/v1.PodAffinityTerm": [fields({ topologyKey: neededBecause("can not be empty") })],
  "core/v1.WeightedPodAffinityTerm": [fields({ weight })],
  "core/v1.PreferredSchedulingTerm": [fields({ weight })],
  "core/v1.NodeSelector": [fields({ nodeSelectorTerms: neededBecause("must have at least one node selector term") })],
  "core/v1.NodeSelectorRequirement": [fields({ key: neededName(qualifiedNameProblem) }), nodeRequirement],
};
