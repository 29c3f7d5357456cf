/** Checks that need more than one field of a struct. */
import { forbiddenField, invalid, missing, notSupported, required, tooLong, type FieldError } from "./field-error.ts";
import type { StructRule } from "./field-rules.ts";
import { compareQuantities } from "./quantity.ts";
import { matchesSelector } from "./selector.ts";

export const requestsWithinLimits: StructRule = ({ requests = {}, limits = {} }, path) =>
  Object.keys(requests).flatMap((key) =>
    limits[key] !== undefined && compareQuantities(requests[key], limits[key]) > 0
      ? [invalid(`${path}.requests`, requests[key], `must be less than or equal to ${key} limit of ${limits[key]}`)]
      : [],
  );

const selectorMatchesTemplate = ({ selector, template }: any, path: string, kind: string): readonly FieldError[] => {
  if (selector === undefined) return [required(`${path}.selector`)];
  if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0)
    return [invalid(`${path}.selector`, selector, `empty selector is invalid for ${kind}`)];
  const labels = template?.metadata?.labels;
  return matchesSelector(selector, labels) ? [] : [invalid(`${path}.template.metadata.labels`, labels ?? {}, "`selector` does not match template `labels`")];
};

const restartsAlways: StructRule = ({ template }, path) => {
  const policy = template?.spec?.restartPolicy;
  return policy === undefined || policy === "Always" ? [] : [notSupported(`${path}.template.spec.restartPolicy`, policy, ["Always"])];
};

export const restartsForJob: StructRule = ({ template }, path) => {
  const policy = template?.spec?.restartPolicy;
  return policy === "Never" || policy === "OnFailure" ? [] : [notSupported(`${path}.template.spec.restartPolicy`, policy, ["OnFailure", "Never"])];
};

/** `kind` as the words about an empty selector name it. */
export const templated =
  (kind: string): StructRule =>
  (value, path) => [...selectorMatchesTemplate(value, path, kind), ...restartsAlways(value, path), ...templateMounts(value, path)];

export const withoutDeadline =
  (kind: string): StructRule =>
  ({ template }, path) =>
    template?.spec?.activeDeadlineSeconds === undefined
      ? []
      : [forbiddenField(`${path}.template.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`)];

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
        volumes.has(mount.name) ? [] : [missing(`${path}.${list}[${at}].volumeMounts[${index}].name`, mount.name)],
      ),
    ),
  );
}

function below(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** The values of one ConfigMap or Secret together. */
const MAX_DATA_BYTES = 1024 * 1024;

export const withinSize =
  (...lists: readonly string[]): StructRule =>
  (object) => {
    const total = lists.flatMap((list) => Object.values(object[list] ?? {})).reduce<number>((sum, value) => sum + Buffer.byteLength(String(value)), 0);
    return total > MAX_DATA_BYTES ? [tooLong(lists[0] ?? "", MAX_DATA_BYTES)] : [];
  };

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

export const portNames: StructRule = ({ ports = [], type }, path) => [
  ...(ports.length > 1 ? ports.flatMap((one: any, index: number) => (one.name === undefined ? [required(`${path}.ports[${index}].name`)] : [])) : []),
  ...(type !== "ExternalName" && ports.length === 0 ? [required(`${path}.ports`)] : []),
];

export function valuesFitOperator({ operator, values = [] }: any, path: string): readonly FieldError[] {
  const lists = operator === "In" || operator === "NotIn";
  if (lists === values.length > 0) return [];
  if (lists) return [required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
  return [invalid(`${path}.values`, values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
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
