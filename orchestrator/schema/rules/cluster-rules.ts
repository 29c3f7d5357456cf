/** What nodes, limits, quotas, priorities and leases ask of their fields. Spec: Kubernetes API reference. */
import { duplicate, forbiddenField, invalid, type FieldError } from "../field-error.ts";
import { all, checked, fields, neededName, neededOneOf, notNegative, oneOf, positive, quantities, type FieldRule, type StructRule } from "./field-rules.ts";
import { labelValueProblem, qualifiedNameProblem } from "../names.ts";
import { compareQuantities } from "../quantity.ts";
import { quotaResource } from "../resource-names.ts";
import type { RuleTable } from "./rule-table.ts";

const taintsOnce: FieldRule = (taints: readonly any[] | undefined, path) =>
  (taints ?? []).flatMap((taint, index) => {
    const first = taints!.findIndex(({ key, effect }) => key === taint.key && effect === taint.effect);
    if (first === index) return [];
    const error = duplicate(`${path}[${index}]`, taint);
    return [{ ...error, message: `${error.message}: taints must be unique by key and effect pair` }];
  });

/** Which amount may not be above which, the field that is told, and what the two are called. */
const bounds = [
  ["min", "max", "min", "min", "max"],
  ["min", "defaultRequest", "defaultRequest", "min", "default request"],
  ["defaultRequest", "max", "defaultRequest", "default request", "max"],
  ["defaultRequest", "default", "defaultRequest", "default request", "default limit"],
  ["min", "default", "default", "min", "default"],
  ["default", "max", "default", "default", "max"],
] as const;

const limitsInOrder: StructRule = (item, path): readonly FieldError[] =>
  bounds.flatMap(([low, high, field, lowWord, highWord]) =>
    Object.entries<string>(item[low] ?? {}).flatMap(([key, least]) => {
      const most = item[high]?.[key];
      if (most === undefined || compareQuantities(least, most) <= 0) return [];
      return [invalid(`${path}.${field}[${key}]`, item[field][key], `${lowWord} value ${least} is greater than ${highWord} value ${most}`)];
    }),
  );

const limitType: FieldRule = (value = "", path) => {
  const problem = qualifiedNameProblem(value);
  if (problem !== undefined) return [invalid(path, value, problem)];
  const known = value.includes("/") || ["Pod", "Container", "PersistentVolumeClaim"].includes(value);
  return known ? [] : [invalid(path, value, "must be a standard limit type or fully qualified")];
};

const typesOnce: FieldRule = (items: readonly any[] | undefined, path) =>
  (items ?? []).flatMap(({ type }, index) => (items!.findIndex((other) => other.type === type) < index ? [duplicate(`${path}[${index}].type`, type)] : []));

const noPodDefaults: StructRule = (item, path) =>
  item.type !== "Pod"
    ? []
    : ["default", "defaultRequest"].flatMap((name) =>
        Object.keys(item[name] ?? {}).length === 0 ? [] : [forbiddenField(`${path}.${name}`, `may not be specified when \`type\` is 'Pod'`)],
      );

/** Above it are those of the cluster's own pods. */
const MAX_PRIORITY = 1_000_000_000;

const priority: StructRule = ({ metadata, value }): readonly FieldError[] => {
  if (metadata.name.startsWith("system-")) {
    const known = metadata.name === "system-node-critical" || metadata.name === "system-cluster-critical";
    const says = `priority class names with 'system-' prefix are reserved for system use only. error: ${metadata.name} is not a known system priority class`;
    return known ? [] : [forbiddenField("metadata.name", says)];
  }
  return value > MAX_PRIORITY ? [forbiddenField("value", `maximum allowed value of a user defined priority is ${MAX_PRIORITY}`)] : [];
};

const quotaScopes = ["Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"];
const scopes: FieldRule = (list: readonly string[] | undefined, path) =>
  (list ?? []).some((scope) => !quotaScopes.includes(scope)) ? [invalid(path, list, "unsupported scope")] : [];

export const clusterRules: RuleTable = {
  "core/v1.NodeSpec": [fields({ taints: taintsOnce })],
  "core/v1.Taint": [
    fields({ key: neededName(qualifiedNameProblem), value: checked(labelValueProblem), effect: neededOneOf("NoSchedule", "PreferNoSchedule", "NoExecute") }),
  ],
  "core/v1.LimitRangeSpec": [fields({ limits: typesOnce })],
  "core/v1.LimitRangeItem": [fields({ type: limitType, max: quantities, min: quantities }), noPodDefaults, limitsInOrder],
  "core/v1.ResourceQuotaSpec": [fields({ hard: all(quotaResource, quantities), scopes })],
  "scheduling/v1.PriorityClass": [fields({ preemptionPolicy: oneOf("PreemptLowerPriority", "Never") }), priority],
  "coordination/v1.LeaseSpec": [fields({ leaseDurationSeconds: positive, leaseTransitions: notNegative })],
};
