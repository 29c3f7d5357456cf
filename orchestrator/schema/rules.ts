/** What each type asks of its fields, as rows: field, then checks. Types that are not here are checked for their shape alone. */
import { duplicate, forbiddenField, invalid, missing, notSupported, required, type FieldError } from "./field-error.ts";
import { configKeyProblem, environmentNameProblem, labelProblem, qualifiedNameProblem, subdomainProblem } from "./names.ts";
import { compareQuantities } from "./quantity.ts";
import { validateAnnotations, validateLabels } from "./labels.ts";
import { matchesSelector } from "./selector.ts";

export type StructRule = (value: any, path: string) => readonly FieldError[];

/** A check of one field; `undefined` values are passed on, most checks let them be. */
type FieldRule = (value: any, path: string) => readonly FieldError[];

const needed: FieldRule = (value, path) => (value === undefined || value === "" || (Array.isArray(value) && value.length === 0) ? [required(path)] : []);

const oneOf =
  (...supported: string[]): FieldRule =>
  (value, path) =>
    value === undefined || supported.includes(value) ? [] : [notSupported(path, value, supported.toSorted())];

const neededOneOf =
  (...supported: string[]): FieldRule =>
  (value, path) =>
    value === undefined || value === "" ? [required(path)] : oneOf(...supported)(value, path);

const notNegative: FieldRule = (value, path) => (value === undefined || value >= 0 ? [] : [invalid(path, value, "must be greater than or equal to 0")]);

const positive: FieldRule = (value, path) => (value === undefined || value > 0 ? [] : [invalid(path, value, "must be greater than 0")]);

const port: FieldRule = (value, path) =>
  value === undefined || (value >= 1 && value <= 65_535) ? [] : [invalid(path, value, "must be between 1 and 65535, inclusive")];

const optionalPort: FieldRule = (value, path) => (value === undefined || value === 0 ? [] : port(value, path));

const named =
  (problemOf: (name: string) => string | undefined): FieldRule =>
  (value, path) => {
    if (value === undefined || value === "") return [];
    const problem = problemOf(value);
    return problem === undefined ? [] : [invalid(path, value, problem)];
  };

const neededName =
  (problemOf: (name: string) => string | undefined): FieldRule =>
  (value, path) => [...needed(value, path), ...named(problemOf)(value, path)];

const unique =
  (key: string): FieldRule =>
  (items: readonly any[] | undefined, path) => {
    const seen = new Set<unknown>();
    return (items ?? []).flatMap((item, index) => {
      const repeated = item[key] !== undefined && item[key] !== "" && seen.has(item[key]);
      seen.add(item[key]);
      return repeated ? [duplicate(`${path}[${index}].${key}`, item[key])] : [];
    });
  };

const keys: FieldRule = (value, path) => Object.keys(value ?? {}).flatMap((key) => named(configKeyProblem)(key, `${path}[${key}]`));

/** `25%` or a count. */
const countOrPercent: FieldRule = (value, path) => {
  if (value === undefined || (typeof value === "number" && value >= 0) || (typeof value === "string" && /^\d+%$/.test(value))) return [];
  return [
    typeof value === "number"
      ? invalid(path, value, "must be greater than or equal to 0")
      : invalid(
          path,
          value,
          "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
        ),
  ];
};

const all =
  (...rules: FieldRule[]): FieldRule =>
  (value, path) =>
    rules.flatMap((rule) => rule(value, path));

function fields(rules: Readonly<Record<string, FieldRule>>): StructRule {
  const rows = Object.entries(rules);
  return (value, path) => rows.flatMap(([name, rule]) => rule(value[name], path === "" ? name : `${path}.${name}`));
}

const quantities: FieldRule = (value, path) =>
  Object.entries(value ?? {}).flatMap(([key, amount]) =>
    compareQuantities(amount as string, "0") < 0 ? [invalid(`${path}.${key}`, amount, "must be greater than or equal to 0")] : [],
  );

const requestsWithinLimits: StructRule = ({ requests = {}, limits = {} }, path) =>
  Object.keys(requests).flatMap((key) =>
    limits[key] !== undefined && compareQuantities(requests[key], limits[key]) > 0
      ? [invalid(`${path}.requests`, requests[key], `must be less than or equal to ${key} limit of ${limits[key]}`)]
      : [],
  );

const selectorMatchesTemplate: StructRule = ({ selector, template }, path) => {
  if (selector === undefined) return [required(`${path}.selector`)];
  if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0)
    return [invalid(`${path}.selector`, selector, "empty selector is invalid for deployment")];
  const labels = template?.metadata?.labels;
  return matchesSelector(selector, labels) ? [] : [invalid(`${path}.template.metadata.labels`, labels ?? {}, "`selector` does not match template `labels`")];
};

const restartsAlways: StructRule = ({ template }, path) => {
  const policy = template?.spec?.restartPolicy;
  return policy === undefined || policy === "Always" ? [] : [notSupported(`${path}.template.spec.restartPolicy`, policy, ["Always"])];
};

const restartsForJob: StructRule = ({ template }, path) => {
  const policy = template?.spec?.restartPolicy;
  return policy === "Never" || policy === "OnFailure" ? [] : [notSupported(`${path}.template.spec.restartPolicy`, policy, ["OnFailure", "Never"])];
};

const templated: StructRule = (value, path) => [...selectorMatchesTemplate(value, path), ...restartsAlways(value, path)];

const mountsKnown: StructRule = (spec, path) => {
  const volumes = new Set((spec.volumes ?? []).map((volume: any) => volume.name));
  return ["initContainers", "containers"].flatMap((list) =>
    (spec[list] ?? []).flatMap((container: any, at: number) =>
      (container.volumeMounts ?? []).flatMap((mount: any, index: number) =>
        volumes.has(mount.name) ? [] : [missing(`${path}.${list}[${at}].volumeMounts[${index}].name`, mount.name)],
      ),
    ),
  );
};

const noSurgeWithoutRoom: StructRule = ({ maxUnavailable, maxSurge }, path) =>
  isNone(maxUnavailable) && isNone(maxSurge) ? [invalid(`${path}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0")] : [];

function isNone(amount: unknown): boolean {
  return amount === 0 || amount === "0%";
}

const recreateAlone: StructRule = ({ type, rollingUpdate }, path) =>
  type === "Recreate" && rollingUpdate !== undefined
    ? [forbiddenField(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")]
    : [];

const portNames: StructRule = ({ ports = [], type }, path) => [
  ...(ports.length > 1 ? ports.flatMap((one: any, index: number) => (one.name === undefined ? [required(`${path}.ports[${index}].name`)] : [])) : []),
  ...(type !== "ExternalName" && ports.length === 0 ? [required(`${path}.ports`)] : []),
];

const container: readonly StructRule[] = [
  fields({
    name: neededName(labelProblem),
    image: needed,
    imagePullPolicy: oneOf("Always", "IfNotPresent", "Never"),
    terminationMessagePolicy: oneOf("File", "FallbackToLogsOnError"),
    ports: unique("name"),
    volumeMounts: unique("mountPath"),
  }),
];

const replicas = { replicas: notNegative, minReadySeconds: notNegative, revisionHistoryLimit: notNegative };

export const structRules: Readonly<Record<string, readonly StructRule[]>> = {
  "core/v1.PodTemplateSpec": [
    ({ metadata }, path) => [
      ...validateLabels(metadata?.labels, `${path}.metadata.labels`),
      ...validateAnnotations(metadata?.annotations, `${path}.metadata.annotations`),
    ],
  ],
  "core/v1.PodSpec": [
    fields({
      containers: all(needed, unique("name")),
      volumes: unique("name"),
      restartPolicy: oneOf("Always", "OnFailure", "Never"),
      dnsPolicy: oneOf("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"),
      terminationGracePeriodSeconds: notNegative,
      activeDeadlineSeconds: positive,
      hostname: named(labelProblem),
      subdomain: named(labelProblem),
      nodeName: named(subdomainProblem),
      serviceAccountName: named(subdomainProblem),
    }),
    ({ containers = [], initContainers = [] }, path) =>
      initContainers.flatMap((init: any, index: number) =>
        containers.some((one: any) => one.name === init.name) ? [duplicate(`${path}.initContainers[${index}].name`, init.name)] : [],
      ),
    mountsKnown,
  ],
  "core/v1.Container": container,
  "core/v1.ContainerPort": [
    fields({
      containerPort: (value, path) => (value === 0 ? [required(path)] : port(value, path)),
      hostPort: optionalPort,
      protocol: oneOf("SCTP", "TCP", "UDP"),
      name: named(portNameProblem),
    }),
  ],
  "core/v1.EnvVar": [
    fields({ name: neededName(environmentNameProblem) }),
    ({ value, valueFrom }, path) =>
      value !== undefined && valueFrom !== undefined ? [invalid(`${path}.valueFrom`, "", "may not be specified when `value` is not empty")] : [],
  ],
  "core/v1.VolumeMount": [fields({ name: needed, mountPath: needed })],
  "core/v1.Volume": [fields({ name: neededName(labelProblem) })],
  "core/v1.ResourceRequirements": [fields({ requests: quantities, limits: quantities }), requestsWithinLimits],
  "core/v1.Probe": [
    fields({
      initialDelaySeconds: notNegative,
      timeoutSeconds: notNegative,
      periodSeconds: notNegative,
      successThreshold: notNegative,
      failureThreshold: notNegative,
    }),
    (probe, path) =>
      ["exec", "httpGet", "tcpSocket", "grpc"].some((kind) => probe[kind] !== undefined) ? [] : [required(path, "must specify a handler type")],
  ],
  "core/v1.ServiceSpec": [
    fields({ type: oneOf("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"), sessionAffinity: oneOf("ClientIP", "None"), ports: unique("name") }),
    portNames,
  ],
  "core/v1.ServicePort": [fields({ port, protocol: oneOf("SCTP", "TCP", "UDP"), name: named(labelProblem), nodePort: optionalPort })],
  "core/v1.ConfigMap": [fields({ data: keys, binaryData: keys })],
  "core/v1.Secret": [fields({ data: keys })],
  "core/v1.Taint": [fields({ key: neededName(qualifiedNameProblem), effect: neededOneOf("NoSchedule", "PreferNoSchedule", "NoExecute") })],
  "core/v1.Toleration": [fields({ operator: oneOf("Equal", "Exists"), effect: oneOf("NoSchedule", "PreferNoSchedule", "NoExecute") })],
  "meta/v1.LabelSelector": [({ matchLabels }, path) => validateLabels(matchLabels, `${path}.matchLabels`)],
  "meta/v1.LabelSelectorRequirement": [
    fields({ key: neededName(qualifiedNameProblem), operator: oneOf("In", "NotIn", "Exists", "DoesNotExist") }),
    valuesFitOperator,
  ],
  "meta/v1.OwnerReference": [fields({ apiVersion: needed, kind: needed, name: needed, uid: needed })],
  "apps/v1.DeploymentSpec": [fields({ ...replicas, progressDeadlineSeconds: positive }), templated],
  "apps/v1.DeploymentStrategy": [fields({ type: oneOf("Recreate", "RollingUpdate") }), recreateAlone],
  "apps/v1.RollingUpdateDeployment": [fields({ maxUnavailable: countOrPercent, maxSurge: countOrPercent }), noSurgeWithoutRoom],
  "apps/v1.ReplicaSetSpec": [fields(replicas), templated],
  "apps/v1.StatefulSetSpec": [fields({ ...replicas, podManagementPolicy: oneOf("OrderedReady", "Parallel") }), templated],
  "apps/v1.StatefulSetUpdateStrategy": [fields({ type: oneOf("OnDelete", "RollingUpdate") })],
  "apps/v1.DaemonSetSpec": [fields(replicas), templated],
  "apps/v1.DaemonSetUpdateStrategy": [fields({ type: oneOf("OnDelete", "RollingUpdate") })],
  "batch/v1.JobSpec": [
    fields({
      parallelism: notNegative,
      completions: notNegative,
      backoffLimit: notNegative,
      activeDeadlineSeconds: notNegative,
      ttlSecondsAfterFinished: notNegative,
      completionMode: oneOf("Indexed", "NonIndexed"),
    }),
    restartsForJob,
  ],
  "batch/v1.CronJobSpec": [
    fields({
      schedule: needed,
      concurrencyPolicy: oneOf("Allow", "Forbid", "Replace"),
      successfulJobsHistoryLimit: notNegative,
      failedJobsHistoryLimit: notNegative,
    }),
  ],
  "autoscaling/v2.HorizontalPodAutoscalerSpec": [fields({ maxReplicas: positive, minReplicas: notNegative })],
  "autoscaling/v2.CrossVersionObjectReference": [fields({ kind: needed, name: needed })],
  "storage/v1.StorageClass": [
    fields({ provisioner: needed, volumeBindingMode: oneOf("Immediate", "WaitForFirstConsumer"), reclaimPolicy: oneOf("Delete", "Retain") }),
  ],
};

function valuesFitOperator({ operator, values = [] }: any, path: string): readonly FieldError[] {
  const lists = operator === "In" || operator === "NotIn";
  if (lists === values.length > 0) return [];
  if (lists) return [required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
  return [invalid(`${path}.values`, values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
}

function portNameProblem(name: string): string | undefined {
  if (name.length > 15) return "must be no more than 15 characters";
  return /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name) && /[a-z]/.test(name)
    ? undefined
    : "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
}
