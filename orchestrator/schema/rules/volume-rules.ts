/** What volumes of pods ask of their fields. Spec: Kubernetes API reference, "Volume". */
import { fieldPath } from "./container-rules.ts";
import { forbiddenField, invalid } from "../field-error.ts";
import { fields, needed, neededName, oneOf, type FieldRule, type StructRule } from "./field-rules.ts";
import { climbingPathProblem, configKeyProblem, labelProblem, projectedPathProblem } from "../names.ts";
import { compareQuantities } from "../quantity.ts";
import type { RuleTable } from "./rule-table.ts";

const MAX_MODE = 0o777;
const mode: FieldRule = (value, path) =>
  value === undefined || (value >= 0 && value <= MAX_MODE) ? [] : [invalid(path, value, "must be a number between 0 and 0777 (octal), both inclusive")];

/** All fields of a volume but its name are sources; an empty folder is the first of them. */
const oneSource: StructRule = (volume, path) => {
  const kinds = Object.keys(volume).filter((name) => name !== "name" && volume[name] !== undefined);
  const [, ...others] = kinds.toSorted((left, right) => Number(right === "emptyDir") - Number(left === "emptyDir"));
  return others.map((kind) => forbiddenField(`${path}.${kind}`, "may not specify more than 1 volume type"));
};

const size: FieldRule = (value, path) =>
  value !== undefined && compareQuantities(value, "0") < 0 ? [forbiddenField(path, "SizeLimit field must be a valid resource quantity")] : [];

const MIN_TOKEN_SECONDS = 600;
const tokenLife: FieldRule = (value, path) =>
  value !== undefined && value < MIN_TOKEN_SECONDS ? [invalid(path, value, "may not specify a duration less than 10 minutes")] : [];

const ofVolumes = ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
const hostPathTypes = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

export const volumeRules: RuleTable = {
  "core/v1.Volume": [fields({ name: neededName(labelProblem) }), oneSource],
  "core/v1.EmptyDirVolumeSource": [fields({ sizeLimit: size })],
  "core/v1.HostPathVolumeSource": [fields({ path: neededName(climbingPathProblem), type: oneOf(...hostPathTypes) })],
  "core/v1.ConfigMapVolumeSource": [fields({ name: needed, defaultMode: mode })],
  "core/v1.SecretVolumeSource": [fields({ secretName: needed, defaultMode: mode })],
  "core/v1.ProjectedVolumeSource": [fields({ defaultMode: mode })],
  "core/v1.ConfigMapProjection": [fields({ name: needed })],
  "core/v1.SecretProjection": [fields({ name: needed })],
  "core/v1.DownwardAPIVolumeSource": [fields({ defaultMode: mode })],
  "core/v1.KeyToPath": [fields({ key: neededName(configKeyProblem), path: neededName(projectedPathProblem), mode })],
  "core/v1.DownwardAPIVolumeFile": [fields({ path: neededName(projectedPathProblem), fieldRef: fieldPath(ofVolumes), mode })],
  "core/v1.ServiceAccountTokenProjection": [fields({ path: neededName(projectedPathProblem), expirationSeconds: tokenLife })],
  "core/v1.NFSVolumeSource": [fields({ server: needed, path: neededName((path) => (path.startsWith("/") ? undefined : "must be an absolute path")) })],
  "core/v1.ImageVolumeSource": [fields({ reference: needed, pullPolicy: oneOf("Always", "IfNotPresent", "Never") })],
};
