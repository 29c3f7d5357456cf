/** Deployments, sets and jobs, and what the API server says of them. */
import { VALUE, type Row } from "./bad-pods.ts";

const notNegative = "must be greater than or equal to 0";
const percent = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

export const workloadRows: Readonly<Record<string, readonly Row[]>> = {
  Deployment: [
    ["less than no replicas", { "spec.replicas": -1 }, `spec.replicas: Invalid value: -1: ${notNegative}`],
    ["no image", { "spec.template.spec.containers[0].image": undefined }, "spec.template.spec.containers[0].image: Required value"],
    ["no selector", { "spec.selector": undefined }, "spec.selector: Required value"],
    ["an empty selector", { "spec.selector": {} }, "spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
    [
      "a selector that its pods do not match",
      { "spec.selector.matchLabels": { app: "b" } },
      'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    ],
    [
      "a selector with an unknown operator",
      { "spec.selector.matchExpressions": [{ key: "app", operator: "Like", values: ["a"] }] },
      '[spec.selector: Invalid value: {"matchLabels":{"app":"a"},"matchExpressions":[{"key":"app","operator":"Like","values":["a"]}]}: invalid label selector, spec.selector.matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator]',
    ],
    [
      "a selector that exists with values",
      { "spec.selector.matchExpressions": [{ key: "app", operator: "Exists", values: ["a"] }] },
      "spec.selector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ],
    ["a label of its pods that is none", { "spec.template.metadata.labels.tier": "a b" }, `spec.template.labels: Invalid value: "a b": ${VALUE}`],
    [
      "pods that end",
      { "spec.template.spec.restartPolicy": "Never" },
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
    [
      "pods with a deadline",
      { "spec.template.spec.activeDeadlineSeconds": 5 },
      "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
    ],
    [
      "an unknown strategy",
      { "spec.strategy.type": "Canary" },
      'spec.strategy.type: Unsupported value: "Canary": supported values: "Recreate", "RollingUpdate"',
    ],
    [
      "a rolling update of what is recreated",
      { "spec.strategy": { type: "Recreate", rollingUpdate: { maxSurge: 1 } } },
      "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ],
    [
      "a rolling update that cannot move",
      { "spec.strategy.rollingUpdate": { maxSurge: 0, maxUnavailable: 0 } },
      "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
    ],
    [
      "a surge that is no percentage",
      { "spec.strategy.rollingUpdate.maxSurge": "many" },
      `spec.strategy.rollingUpdate.maxSurge: Invalid value: "many": ${percent}`,
    ],
    [
      "more than all unavailable",
      { "spec.strategy.rollingUpdate.maxUnavailable": "101%" },
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ],
    [
      "a deadline before anything is available",
      { "spec.minReadySeconds": 60, "spec.progressDeadlineSeconds": 60 },
      "spec.progressDeadlineSeconds: Invalid value: 60: must be greater than minReadySeconds",
    ],
    ["less than no history", { "spec.revisionHistoryLimit": -1 }, `spec.revisionHistoryLimit: Invalid value: -1: ${notNegative}`],
  ],
  ReplicaSet: [
    ["less than no replicas", { "spec.replicas": -3 }, `spec.replicas: Invalid value: -3: ${notNegative}`],
    ["an empty selector", { "spec.selector": {} }, "spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
  ],
  ReplicationController: [
    [
      "a selector that its pods do not match",
      { "spec.selector": { app: "b" } },
      'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    ],
  ],
  StatefulSet: [
    [
      "a partition below zero",
      { "spec.updateStrategy.rollingUpdate.partition": -1 },
      `spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: ${notNegative}`,
    ],
    ["an empty selector", { "spec.selector": {} }, "spec.selector: Invalid value: {}: empty selector is invalid for statefulset"],
    [
      "an unknown way to manage pods",
      { "spec.podManagementPolicy": "Random" },
      `spec.podManagementPolicy: Invalid value: "Random": must be 'OrderedReady' or 'Parallel'`,
    ],
    [
      "a partition below none",
      { "spec.updateStrategy": { rollingUpdate: { partition: -1 } } },
      `spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: ${notNegative}`,
    ],
    [
      "a rolling update that is left to its owner",
      { "spec.updateStrategy": { type: "OnDelete", rollingUpdate: { partition: 1 } } },
      "spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":1}: only allowed for updateStrategy 'RollingUpdate'",
    ],
    ["a first ordinal below none", { "spec.ordinals": { start: -1 } }, `spec.ordinals.start: Invalid value: -1: ${notNegative}`],
    [
      "an unknown fate of claims",
      { "spec.persistentVolumeClaimRetentionPolicy": { whenScaled: "Sometimes" } },
      'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Sometimes": supported values: "Delete", "Retain"',
    ],
    ["a name with dots", { "metadata.name": "a.b" }, 'metadata.name: Invalid value: "a.b": must not contain dots'],
  ],
  DaemonSet: [
    ["an empty selector", { "spec.selector": {} }, "spec.selector: Invalid value: {}: empty selector is invalid for daemonset"],
    [
      "an update without room",
      { "spec.updateStrategy": { rollingUpdate: { maxUnavailable: 0 } } },
      "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0",
    ],
    [
      "an update that removes and surges",
      { "spec.updateStrategy": { rollingUpdate: { maxUnavailable: 1, maxSurge: "10%" } } },
      'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "10%": may not be set when maxUnavailable is non-zero',
    ],
    [
      "pods that end",
      { "spec.template.spec.restartPolicy": "OnFailure" },
      'spec.template.spec.restartPolicy: Unsupported value: "OnFailure": supported values: "Always"',
    ],
  ],
  Job: [
    [
      "pods that never end",
      { "spec.template.spec.restartPolicy": "Always" },
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
    ["less than no completions", { "spec.completions": -1 }, `spec.completions: Invalid value: -1: ${notNegative}`],
    ["less than no failures", { "spec.backoffLimit": -1 }, `spec.backoffLimit: Invalid value: -1: ${notNegative}`],
  ],
  CronJob: [
    ["a schedule that is none", { "spec.schedule": "often" }, 'spec.schedule: Invalid value: "often": expected exactly 5 fields, found 1: [often]'],
    ["a zone that is none", { "spec.timeZone": "Moon/Base" }, 'spec.timeZone: Invalid value: "Moon/Base": unknown time zone Moon/Base'],
    ["no schedule", { "spec.schedule": "" }, "spec.schedule: Required value"],
    [
      "an unknown policy",
      { "spec.concurrencyPolicy": "Queue" },
      'spec.concurrencyPolicy: Unsupported value: "Queue": supported values: "Allow", "Forbid", "Replace"',
    ],
    [
      "a name that leaves no room",
      { "metadata.name": "x".repeat(53) },
      `metadata.name: Invalid value: "${"x".repeat(53)}": must be no more than 52 characters`,
    ],
  ],
};
