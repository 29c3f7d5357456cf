/** What each type asks of its fields, as rows: field, then checks. Types that are not here are checked for their shape alone. */
import { duplicate, invalid, required } from "./field-error.ts";
import {
  needed,
  oneOf,
  neededOneOf,
  notNegative,
  atLeast,
  within,
  positive,
  port,
  optionalPort,
  named,
  neededName,
  unique,
  keys,
  countOrPercent,
  all,
  fields,
  quantities,
  type StructRule,
} from "./field-rules.ts";
import { validateAnnotations, validateLabels } from "./labels.ts";
import {
  climbingPathProblem,
  environmentNameProblem,
  labelProblem,
  localPathProblem,
  portNameProblem,
  projectedPathProblem,
  qualifiedNameProblem,
  subdomainProblem,
} from "./names.ts";
import { storageRules } from "./storage-rules.ts";
import {
  requestsWithinLimits,
  restartsForJob,
  templated,
  podMounts,
  templateMounts,
  noSurgeWithoutRoom,
  recreateAlone,
  portNames,
  valuesFitOperator,
  withinSize,
  hasSource,
  replicasInOrder,
  resourceTarget,
  oneBudget,
  withoutDeadline,
  eitherSurgeOrRoom,
  rollingAlone,
} from "./struct-rules.ts";

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

/** Seconds that an autoscaler's behavior may look back. */
const MAX_STABILIZATION_SECONDS = 3600;
const MAX_POLICY_SECONDS = 1800;

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
  ],
  "core/v1.Pod": [podMounts],
  "core/v1.PodTemplate": [templateMounts],
  "core/v1.ReplicationControllerSpec": [templateMounts],
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
  "core/v1.VolumeMount": [fields({ name: needed, mountPath: needed, subPath: named(localPathProblem), subPathExpr: named(localPathProblem) })],
  "core/v1.Volume": [fields({ name: neededName(labelProblem) })],
  "core/v1.HostPathVolumeSource": [fields({ path: neededName(climbingPathProblem) })],
  "core/v1.KeyToPath": [fields({ key: needed, path: neededName(projectedPathProblem) })],
  "core/v1.DownwardAPIVolumeFile": [fields({ path: neededName(projectedPathProblem) })],
  "core/v1.ServiceAccountTokenProjection": [fields({ path: neededName(projectedPathProblem) })],
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
  "core/v1.ConfigMap": [fields({ data: keys, binaryData: keys }), withinSize("data", "binaryData")],
  "core/v1.Secret": [fields({ data: keys }), withinSize("data")],
  "core/v1.Taint": [fields({ key: neededName(qualifiedNameProblem), effect: neededOneOf("NoSchedule", "PreferNoSchedule", "NoExecute") })],
  "core/v1.Toleration": [fields({ operator: oneOf("Equal", "Exists"), effect: oneOf("NoSchedule", "PreferNoSchedule", "NoExecute") })],
  "meta/v1.LabelSelector": [({ matchLabels }, path) => validateLabels(matchLabels, `${path}.matchLabels`)],
  "meta/v1.LabelSelectorRequirement": [
    fields({ key: neededName(qualifiedNameProblem), operator: oneOf("In", "NotIn", "Exists", "DoesNotExist") }),
    valuesFitOperator,
  ],
  "meta/v1.OwnerReference": [fields({ apiVersion: needed, kind: needed, name: needed, uid: needed })],
  "apps/v1.DeploymentSpec": [fields({ ...replicas, progressDeadlineSeconds: positive }), templated("deployment")],
  "apps/v1.DeploymentStrategy": [fields({ type: oneOf("Recreate", "RollingUpdate") }), recreateAlone],
  "apps/v1.RollingUpdateDeployment": [fields({ maxUnavailable: countOrPercent, maxSurge: countOrPercent }), noSurgeWithoutRoom],
  "apps/v1.ReplicaSetSpec": [fields(replicas), templated("deployment")],
  "apps/v1.StatefulSetSpec": [
    fields({ ...replicas, podManagementPolicy: oneOf("OrderedReady", "Parallel") }),
    templated("statefulset"),
    withoutDeadline("StatefulSet"),
  ],
  "apps/v1.StatefulSetOrdinals": [fields({ start: notNegative })],
  "apps/v1.StatefulSetUpdateStrategy": [fields({ type: oneOf("OnDelete", "RollingUpdate") }), rollingAlone],
  "apps/v1.RollingUpdateStatefulSetStrategy": [fields({ partition: notNegative, maxUnavailable: countOrPercent })],
  "apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy": [fields({ whenDeleted: oneOf("Delete", "Retain"), whenScaled: oneOf("Delete", "Retain") })],
  "apps/v1.DaemonSetSpec": [fields(replicas), templated("daemonset"), withoutDeadline("DaemonSet")],
  "apps/v1.RollingUpdateDaemonSet": [fields({ maxUnavailable: countOrPercent, maxSurge: countOrPercent }), eitherSurgeOrRoom],
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
    templateMounts,
  ],
  "batch/v1.CronJobSpec": [
    fields({
      schedule: needed,
      concurrencyPolicy: oneOf("Allow", "Forbid", "Replace"),
      successfulJobsHistoryLimit: notNegative,
      failedJobsHistoryLimit: notNegative,
    }),
  ],
  "autoscaling/v2.HorizontalPodAutoscalerSpec": [fields({ maxReplicas: positive, minReplicas: atLeast(1) }), replicasInOrder],
  "autoscaling/v2.MetricSpec": [fields({ type: neededOneOf("ContainerResource", "External", "Object", "Pods", "Resource") }), hasSource],
  "autoscaling/v2.ResourceMetricSource": [fields({ name: needed }), resourceTarget],
  "autoscaling/v2.ContainerResourceMetricSource": [fields({ name: needed, container: needed }), resourceTarget],
  "autoscaling/v2.MetricTarget": [fields({ type: neededOneOf("AverageValue", "Utilization", "Value"), averageUtilization: positive })],
  "autoscaling/v2.HPAScalingRules": [
    fields({ selectPolicy: oneOf("Disabled", "Max", "Min"), stabilizationWindowSeconds: within(0, MAX_STABILIZATION_SECONDS), policies: needed }),
  ],
  "autoscaling/v2.HPAScalingPolicy": [
    fields({ type: neededOneOf("Percent", "Pods"), value: positive, periodSeconds: all(positive, within(1, MAX_POLICY_SECONDS)) }),
  ],
  "policy/v1.PodDisruptionBudgetSpec": [
    fields({ minAvailable: countOrPercent, maxUnavailable: countOrPercent, unhealthyPodEvictionPolicy: oneOf("AlwaysAllow", "IfHealthyBudget") }),
    oneBudget,
  ],
  "autoscaling/v2.CrossVersionObjectReference": [fields({ kind: needed, name: needed })],
  ...storageRules,
};
