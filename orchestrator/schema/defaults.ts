/**
 * Defaults as a table: for each type, fields and what they become when they are absent. Rows of a type run in order, parents before children.
 * They must be stable: what is stored must come back unchanged from a second pass, or `kubectl apply` would never say "unchanged".
 */
import { clone } from "./clone.ts";
import { structsOf, walk } from "./walk.ts";

/** A constant, or computed from the struct that has the field; undefined leaves it absent. */
type Default = string | number | boolean | Readonly<Record<string, unknown>> | ((owner: any) => unknown);

/** Structs that are never absent, as they are not in the specification's own types: rules and controllers find at least an empty one. */
const present: ReadonlySet<string> = new Set(["spec", "template", "jobTemplate"]);

/** Fills in what is absent. Changes `object`. */
export function applyDefaults(type: string, object: Record<string, any>): void {
  walk(type, object, "", (name, value) => {
    for (const field of structsOf(name)) if (present.has(field.name) && !field.pointer) value[field.name] ??= {};
    completions[name]?.(value);
    const rules = table[name];
    if (rules === undefined) return;
    for (const [field, rule] of Object.entries(rules)) {
      if (value[field] !== undefined && value[field] !== "") continue;
      const filled = typeof rule === "function" ? rule(value) : clone(rule);
      if (filled !== undefined) value[field] = filled;
    }
  });
}

function imagePullPolicy({ image }: { readonly image?: string }): string {
  if (image === undefined || image.includes("@")) return "IfNotPresent";
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === "latest" ? "Always" : "IfNotPresent";
}

const volumeSources = ["name"];

const container: Readonly<Record<string, Default>> = {
  imagePullPolicy,
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  resources: {},
};

const selectorFromTemplate = (spec: any): unknown => spec.template?.metadata?.labels && { matchLabels: { ...spec.template.metadata.labels } };

const fileMode = 0o644;

/** Where a part that is there is filled up by what it is to its owner. */
const completions: Readonly<Record<string, (owner: Record<string, any>) => void>> = {
  "autoscaling/v2.HorizontalPodAutoscalerBehavior": (behavior) => {
    behavior["scaleUp"] = { ...clone(scaleUp), ...behavior["scaleUp"] };
    behavior["scaleDown"] = { ...clone(scaleDown), ...behavior["scaleDown"] };
  },
  "core/v1.LimitRangeItem": (item) => {
    if (item["type"] !== "Container") return;
    const limits = { ...item["max"], ...item["default"] };
    const requests = { ...item["min"], ...limits, ...item["defaultRequest"] };
    if (Object.keys(limits).length > 0) item["default"] = limits;
    if (Object.keys(requests).length > 0) item["defaultRequest"] = requests;
  },
};

const scaleUp = {
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [
    { type: "Pods", value: 4, periodSeconds: 15 },
    { type: "Percent", value: 100, periodSeconds: 15 },
  ],
};

const scaleDown = { selectPolicy: "Max", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] };

const table: Readonly<Record<string, Readonly<Record<string, Default>>>> = {
  "core/v1.PodSpec": {
    restartPolicy: "Always",
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
    terminationGracePeriodSeconds: 30,
    securityContext: {},
    serviceAccount: (spec) => spec.serviceAccountName,
  },
  "core/v1.Container": container,
  "core/v1.EphemeralContainer": container,
  "core/v1.ContainerPort": { protocol: "TCP" },
  "core/v1.Probe": { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
  "core/v1.HTTPGetAction": { scheme: "HTTP", path: "/" },
  "core/v1.GRPCAction": { service: "" },
  "core/v1.ObjectFieldSelector": { apiVersion: "v1" },
  "core/v1.ResourceFieldSelector": { divisor: "0" },
  "core/v1.Volume": { emptyDir: (volume) => (Object.keys(volume).every((key) => volumeSources.includes(key)) ? {} : undefined) },
  "core/v1.ConfigMapVolumeSource": { defaultMode: fileMode },
  "core/v1.SecretVolumeSource": { defaultMode: fileMode },
  "core/v1.ProjectedVolumeSource": { defaultMode: fileMode },
  "core/v1.DownwardAPIVolumeSource": { defaultMode: fileMode },
  "core/v1.HostPathVolumeSource": { type: "" },
  "core/v1.ServiceAccountTokenProjection": { expirationSeconds: 3600 },
  "core/v1.ServiceSpec": {
    type: "ClusterIP",
    sessionAffinity: "None",
    sessionAffinityConfig: (spec) => (spec.sessionAffinity === "ClientIP" ? { clientIP: { timeoutSeconds: 10_800 } } : undefined),
    externalTrafficPolicy: (spec) => (spec.type === "NodePort" || spec.type === "LoadBalancer" ? "Cluster" : undefined),
    internalTrafficPolicy: (spec) => (spec.type === "ExternalName" ? undefined : "Cluster"),
    allocateLoadBalancerNodePorts: (spec) => (spec.type === "LoadBalancer" ? true : undefined),
  },
  "core/v1.ServicePort": { protocol: "TCP", targetPort: (port) => port.port },
  "core/v1.EndpointPort": { protocol: "TCP" },
  "core/v1.Secret": { type: "Opaque" },
  "core/v1.PersistentVolumeClaimSpec": { volumeMode: "Filesystem" },
  "core/v1.PersistentVolumeClaim": { status: { phase: "Pending" } },
  "core/v1.PersistentVolumeSpec": { persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" },
  "core/v1.PersistentVolume": { status: { phase: "Pending" } },
  "core/v1.ReplicationControllerSpec": { replicas: 1, selector: (spec) => spec.template?.metadata?.labels && { ...spec.template.metadata.labels } },
  "apps/v1.DeploymentSpec": {
    replicas: 1,
    strategy: {},
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  },
  "apps/v1.DeploymentStrategy": {
    type: "RollingUpdate",
    rollingUpdate: ({ type }) => (type === "RollingUpdate" ? { maxUnavailable: "25%", maxSurge: "25%" } : undefined),
  },
  "apps/v1.RollingUpdateDeployment": { maxUnavailable: "25%", maxSurge: "25%" },
  "apps/v1.ReplicaSetSpec": { replicas: 1, selector: selectorFromTemplate },
  "apps/v1.StatefulSetSpec": {
    replicas: 1,
    podManagementPolicy: "OrderedReady",
    updateStrategy: {},
    revisionHistoryLimit: 10,
    persistentVolumeClaimRetentionPolicy: {},
  },
  "apps/v1.StatefulSetUpdateStrategy": {
    type: "RollingUpdate",
    rollingUpdate: ({ type }) => (type === "RollingUpdate" ? { partition: 0 } : undefined),
  },
  "apps/v1.RollingUpdateStatefulSetStrategy": { partition: 0 },
  "apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy": { whenDeleted: "Retain", whenScaled: "Retain" },
  "apps/v1.DaemonSetSpec": { updateStrategy: {}, revisionHistoryLimit: 10 },
  "apps/v1.DaemonSetUpdateStrategy": {
    type: "RollingUpdate",
    rollingUpdate: ({ type }) => (type === "RollingUpdate" ? { maxUnavailable: 1, maxSurge: 0 } : undefined),
  },
  "apps/v1.RollingUpdateDaemonSet": { maxUnavailable: 1, maxSurge: 0 },
  "batch/v1.JobSpec": {
    completions: (spec) => (spec.parallelism === undefined ? 1 : undefined),
    parallelism: 1,
    backoffLimit: (spec) => (spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1),
    completionMode: "NonIndexed",
    suspend: false,
    podReplacementPolicy: (spec) => (spec.podFailurePolicy === undefined ? "TerminatingOrFailed" : "Failed"),
  },
  "batch/v1.CronJobSpec": { concurrencyPolicy: "Allow", suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 },
  "autoscaling/v2.HorizontalPodAutoscalerSpec": {
    minReplicas: 1,
    metrics: () => [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } }],
  },
  "networking/v1.NetworkPolicySpec": { policyTypes: (spec) => ["Ingress", ...(spec.egress === undefined ? [] : ["Egress"])] },
  "networking/v1.NetworkPolicyPort": { protocol: "TCP" },
  "rbac/v1.RoleRef": { apiGroup: "rbac.authorization.k8s.io" },
  "rbac/v1.Subject": { apiGroup: ({ kind }) => (kind === "ServiceAccount" ? undefined : "rbac.authorization.k8s.io") },
  "storage/v1.StorageClass": { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" },
  "discovery/v1.EndpointPort": { name: "", protocol: "TCP" },
  "discovery/v1.EndpointSlice": {},
  "scheduling/v1.PriorityClass": { preemptionPolicy: "PreemptLowerPriority" },
};
