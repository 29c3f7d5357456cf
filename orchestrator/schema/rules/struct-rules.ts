/** Checks that need more than one field of a struct. */
import { forbiddenField, invalid, missing, notSupported, required, type FieldError } from "../field-error.ts";
import type { StructRule } from "./field-rules.ts";
import { compareQuantities } from "../quantity.ts";
import { matchesSelector } from "../selector.ts";

export const requestsWithinLimits: StructRule = ({ requests = {}, limits = {} }, path) =>
  Object.keys(requests).flatMap((key) =>
    limits[key] !== undefined && compareQuantities(requests[key], limits[key]) > 0
      ? [invalid(`${path}.requests`, requests[key], `must be less than or equal to ${key} limit of ${limits[key]}`)]
      : [],
  );

/** `kind` as it is told when the selector is empty. */
const selectorMatchesTemplate =
  (kind: string): StructRule =>
  ({ selector, template }, path) => {
    if (selector === undefined) return [required(`${path}.selector`)];
    if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0)
      return [invalid(`${path}.selector`, selector, `empty selector is invalid for ${kind}`)];
    if ((selector.matchExpressions ?? []).some(({ operator }: any) => !operators.has(operator)))
      return [invalid(`${path}.selector`, selector, "invalid label selector")];
    return matchesSelector(selector, template?.metadata?.labels) ? [] : [unmatched(template, path)];
  };

const operators: ReadonlySet<string> = new Set(["In", "NotIn", "Exists", "DoesNotExist"]);

function unmatched(template: any, path: string): FieldError {
  return invalid(`${path}.template.metadata.labels`, template?.metadata?.labels ?? {}, "`selector` does not match template `labels`");
}

/** Pods that are kept running have no end of their own. `kind` as it is told. */
const runsForEver =
  (kind: string): StructRule =>
  ({ template }, path) => {
    const { restartPolicy = "Always", activeDeadlineSeconds } = template?.spec ?? {};
    return [
      ...(restartPolicy === "Always" ? [] : [notSupported(`${path}.template.spec.restartPolicy`, restartPolicy, ["Always"])]),
      ...(activeDeadlineSeconds === undefined
        ? []
        : [forbiddenField(`${path}.template.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`)]),
    ];
  };

const deadlineWords: Readonly<Record<string, string>> = { deployment: "ReplicaSet", statefulset: "StatefulSet", daemonset: "DaemonSet" };

export const templated = (kind: "deployment" | "statefulset" | "daemonset"): StructRule => {
  const rules = [selectorMatchesTemplate(kind), runsForEver(deadlineWords[kind]!), templateMounts];
  return (value, path) => rules.flatMap((rule) => rule(value, path));
};

/** The older kind has a plain selector. */
export const controlled: StructRule = (spec, path) => [
  ...(matchesSelector({ matchLabels: spec.selector ?? {} }, spec.template?.metadata?.labels) ? [] : [unmatched(spec.template, path)]),
  ...runsForEver("ReplicationController")(spec, path),
  ...templateMounts(spec, path),
];

const NO_DEADLINE = 2 ** 31 - 1;

export const deadlineAfterReady: StructRule = ({ progressDeadlineSeconds, minReadySeconds = 0 }, path) =>
  progressDeadlineSeconds !== undefined && progressDeadlineSeconds !== NO_DEADLINE && progressDeadlineSeconds <= minReadySeconds
    ? [invalid(`${path}.progressDeadlineSeconds`, progressDeadlineSeconds, "must be greater than minReadySeconds")]
    : [];

export const podMounts: StructRule = ({ spec }, path) => mountsKnown(spec, below(path, "spec"), []);

/** A StatefulSet's claims become volumes of its pods. */
export const templateMounts: StructRule = ({ template, volumeClaimTemplates = [] }, path) =>
  mountsKnown(
    template?.spec,
    below(path, "template.spec"),
    volumeClaimTemplates.map((claim: any) => claim.metadata?.name),
  );

function mountsKnown(spec: any, path: string, claims: readonly string[]): readonly FieldError[] {
  const volumes = new Set([...claims, ...(spec?.volumes ?? []).map((volume: any) => volume.name)]);
  return ["initContainers", "containers"].flatMap((list) =>
    (spec?.[list] ?? []).flatMap((container: any, at: number) =>
      (container.volumeMounts ?? []).flatMap((mount: any, index: number) =>
        volumes.has(mount.name) || mount.name === "" ? [] : [missing(`${path}.${list}[${at}].volumeMounts[${index}].name`, mount.name)],
      ),
    ),
  );
}

function below(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

export const noSurgeWithoutRoom: StructRule = ({ maxUnavailable, maxSurge }, path) =>
  isNone(maxUnavailable) && isNone(maxSurge) ? [invalid(`${path}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0")] : [];

/** A daemon's update either removes first or surges. */
export const eitherSurgeOrRoom: StructRule = ({ maxUnavailable, maxSurge }, path) => {
  if (isNone(maxUnavailable) && isNone(maxSurge)) return [required(`${path}.maxUnavailable`, "cannot be 0 when maxSurge is 0")];
  if (isNone(maxUnavailable) || isNone(maxSurge)) return [];
  return [invalid(`${path}.maxSurge`, maxSurge, "may not be set when maxUnavailable is non-zero")];
};

export const rollingAlone: StructRule = ({ type, rollingUpdate }, path) =>
  type === "OnDelete" && rollingUpdate !== undefined
    ? [invalid(`${path}.rollingUpdate`, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")]
    : [];

function isNone(amount: unknown): boolean {
  return amount === 0 || amount === "0%";
}

export const recreateAlone: StructRule = ({ type, rollingUpdate }, path) =>
  type === "Recreate" && rollingUpdate !== undefined
    ? [forbiddenField(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")]
    : [];

export function valuesFitOperator({ operator, values = [] }: any, path: string): readonly FieldError[] {
  if (operator === "In" || operator === "NotIn")
    return values.length > 0 ? [] : [required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
  if (operator === "Exists" || operator === "DoesNotExist")
    return values.length === 0 ? [] : [forbiddenField(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
  return [invalid(`${path}.operator`, operator ?? "", "not a valid selector operator")];
}

export const replicasInOrder: StructRule = ({ minReplicas = 1, maxReplicas }, path) =>
  maxReplicas > 0 && maxReplicas < minReplicas ? [invalid(`${path}.maxReplicas`, maxReplicas, "must be greater than or equal to `minReplicas`")] : [];

/** Its source is named after its type. */
export const hasSource: StructRule = ({ type, ...sources }, path) => {
  if (type === undefined || type === "") return [];
  const name = `${String(type)[0]!.toLowerCase()}${String(type).slice(1)}`;
  return sources[name] === undefined ? [required(`${path}.${name}`, `must populate information for the given metric source`)] : [];
};

export const resourceTarget: StructRule = ({ target = {} }, path) => {
  const { averageUtilization, averageValue, value } = target;
  if (value !== undefined) return [forbiddenField(`${path}.target.value`, "must not be set for resource metric source")];
  if (averageUtilization !== undefined && averageValue !== undefined)
    return [forbiddenField(`${path}.target.averageValue`, "may not set both a target raw value and a target utilization")];
  return averageUtilization === undefined && averageValue === undefined
    ? [required(`${path}.target.averageUtilization`, "must set either a target raw value or a target utilization")]
    : [];
};

export const oneBudget: StructRule = ({ minAvailable, maxUnavailable }, path) =>
  minAvailable !== undefined && maxUnavailable !== undefined
    ? [invalid(path, { minAvailable, maxUnavailable }, "minAvailable and maxUnavailable cannot be both set")]
    : [];
