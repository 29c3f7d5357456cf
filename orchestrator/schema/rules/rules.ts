/** What each type asks of its fields, as rows: field, then checks. Types that are not here, nor in the tables joined below, are checked for their shape alone. */
import { accessRules } from "./access-rules.ts";
import { clusterRules } from "./cluster-rules.ts";
import { containerRules } from "./container-rules.ts";
import { cronJobRules } from "./cron-job-rules.ts";
import { dataRules } from "./data-rules.ts";
import {
  all,
  atLeast,
  checked,
  countOrPercent,
  fields,
  needed,
  neededName,
  neededOneOf,
  notAbove100Percent,
  notNegative,
  oneOf,
  positive,
  within,
} from "./field-rules.ts";
import { jobRules } from "./job-rules.ts";
import { validateLabels } from "../labels.ts";
import { qualifiedNameProblem } from "../names.ts";
import { networkRules } from "./network-rules.ts";
import { podRules } from "./pod-rules.ts";
import { joinRules, type RuleTable } from "./rule-table.ts";
import { serviceRules } from "./service-rules.ts";
import {
  controlled,
  deadlineAfterReady,
  hasSource,
  noSurgeWithoutRoom,
  oneBudget,
  recreateAlone,
  replicasInOrder,
  resourceTarget,
  templated,
  valuesFitOperator,
  eitherSurgeOrRoom,
  rollingAlone,
  podMounts,
  templateMounts,
} from "./struct-rules.ts";
import { storageRules } from "./storage-rules.ts";
import { volumeRules } from "./volume-rules.ts";

/** Seconds that an autoscaler's behavior may look back. */
const MAX_STABILIZATION_SECONDS = 3600;
const MAX_POLICY_SECONDS = 1800;

const replicas = { replicas: notNegative, minReadySeconds: notNegative, revisionHistoryLimit: notNegative };

const podManagementPolicy = checked((value) => (value === "OrderedReady" || value === "Parallel" ? undefined : "must be 'OrderedReady' or 'Parallel'"));

const sharedRules: RuleTable = {
  "core/v1.Pod": [podMounts],
  "core/v1.PodTemplate": [templateMounts],
  "meta/v1.LabelSelector": [({ matchLabels }, path) => validateLabels(matchLabels, `${path}.matchLabels`)],
  "meta/v1.LabelSelectorRequirement": [fields({ key: neededName(qualifiedNameProblem) }), valuesFitOperator],
  "core/v1.ReplicationControllerSpec": [fields({ replicas: notNegative, minReadySeconds: notNegative, selector: needed }), controlled],
  "apps/v1.DeploymentSpec": [fields({ ...replicas, progressDeadlineSeconds: notNegative }), templated("deployment"), deadlineAfterReady],
  "apps/v1.DeploymentStrategy": [fields({ type: oneOf("Recreate", "RollingUpdate") }), recreateAlone],
  "apps/v1.RollingUpdateDeployment": [fields({ maxUnavailable: all(countOrPercent, notAbove100Percent), maxSurge: countOrPercent }), noSurgeWithoutRoom],
  "apps/v1.ReplicaSetSpec": [fields(replicas), templated("deployment")],
  "apps/v1.StatefulSetSpec": [fields({ ...replicas, podManagementPolicy }), templated("statefulset")],
  "apps/v1.StatefulSetOrdinals": [fields({ start: notNegative })],
  "apps/v1.StatefulSetUpdateStrategy": [fields({ type: oneOf("OnDelete", "RollingUpdate") }), rollingAlone],
  "apps/v1.RollingUpdateStatefulSetStrategy": [fields({ partition: notNegative, maxUnavailable: all(countOrPercent, notAbove100Percent) })],
  "apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy": [fields({ whenDeleted: oneOf("Delete", "Retain"), whenScaled: oneOf("Delete", "Retain") })],
  "apps/v1.DaemonSetSpec": [fields(replicas), templated("daemonset")],
  "apps/v1.RollingUpdateDaemonSet": [
    fields({ maxUnavailable: all(countOrPercent, notAbove100Percent), maxSurge: all(countOrPercent, notAbove100Percent) }),
    eitherSurgeOrRoom,
  ],
  "apps/v1.DaemonSetUpdateStrategy": [fields({ type: oneOf("OnDelete", "RollingUpdate") })],
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
};

export const structRules: RuleTable = joinRules(
  sharedRules,
  podRules,
  containerRules,
  volumeRules,
  serviceRules,
  storageRules,
  networkRules,
  dataRules,
  clusterRules,
  accessRules,
  jobRules,
  cronJobRules,
);
