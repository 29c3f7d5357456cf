/** What claims, volumes and classes of storage ask of their fields. Rows of the table of rules (rules.ts). */
import { forbiddenField, invalid, notSupported, required, type FieldError } from "../field-error.ts";
import { fields, needed, neededName, named, oneOf, quantities, type FieldRule, type StructRule } from "./field-rules.ts";
import { climbingPathProblem, qualifiedNameProblem, subdomainProblem } from "../names.ts";
import { compareQuantities } from "../quantity.ts";
import { structsOf } from "../walk.ts";

const MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const volumeMode = oneOf("Block", "Filesystem");
const SOURCES = "core/v1.PersistentVolumeSource";

const accessModes =
  (missing: string): FieldRule =>
  (value: readonly string[] | undefined, path) => {
    const modes = value ?? [];
    if (modes.length === 0) return [required(path, missing)];
    const unknown = modes.filter((mode) => !MODES.includes(mode)).map((mode) => notSupported(path, mode, MODES));
    const crowded = modes.includes("ReadWriteOncePod") && new Set(modes).size > 1;
    return [...unknown, ...(crowded ? [forbiddenField(path, "may not use ReadWriteOncePod with other access modes")] : [])];
  };

function moreThanNone(amount: string | number, path: string): readonly FieldError[] {
  return compareQuantities(amount, "0") > 0 ? [] : [invalid(path, amount, "must be greater than zero")];
}

const claimRequest: StructRule = ({ resources }, path) => {
  const at = `${path}.resources[storage]`;
  const storage = resources?.requests?.storage;
  return storage === undefined ? [required(at)] : moreThanNone(storage, at);
};

const capacity: FieldRule = (value, path) => {
  const amounts = Object.entries<string>(value ?? {});
  if (amounts.length === 0) return [required(path)];
  if (amounts.length > 1 || amounts[0]?.[0] !== "storage") return [notSupported(path, value, ["storage"])];
  return amounts.flatMap(([name, amount]) => moreThanNone(amount, `${path}[${name}]`));
};

const oneSource: StructRule = (spec, path) => {
  const given = structsOf(SOURCES).filter(({ name }) => spec[name] !== undefined);
  if (given.length === 0) return [required(path, "must specify a volume type")];
  return given.slice(1).map(({ name }) => forbiddenField(`${path}.${name}`, "may not specify more than 1 volume type"));
};

const reachable: StructRule = ({ local, nodeAffinity }, path) => {
  if (nodeAffinity === undefined) return local === undefined ? [] : [required(`${path}.nodeAffinity`, "Local volume requires node affinity")];
  const terms: readonly unknown[] = nodeAffinity.required?.nodeSelectorTerms ?? [];
  if (nodeAffinity.required === undefined) return [required(`${path}.nodeAffinity.required`, "must specify required node constraints")];
  return terms.length > 0 ? [] : [required(`${path}.nodeAffinity.required.nodeSelectorTerms`, "must have at least one node selector term")];
};

const recyclable: StructRule = ({ hostPath, persistentVolumeReclaimPolicy }, path) =>
  persistentVolumeReclaimPolicy === "Recycle" && /^\/+$/.test(hostPath?.path ?? "")
    ? [forbiddenField(`${path}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'")]
    : [];

const provisioner: FieldRule = (value: string | undefined, path) => neededName((name) => qualifiedNameProblem(name.toLowerCase()))(value, path);

export const storageRules: Readonly<Record<string, readonly StructRule[]>> = {
  "core/v1.PersistentVolumeClaimSpec": [
    fields({ accessModes: accessModes("at least 1 access mode is required"), storageClassName: named(subdomainProblem), volumeMode }),
    claimRequest,
  ],
  "core/v1.VolumeResourceRequirements": [fields({ requests: quantities, limits: quantities })],
  "core/v1.PersistentVolumeSpec": [
    fields({
      capacity,
      accessModes: accessModes(""),
      persistentVolumeReclaimPolicy: oneOf("Delete", "Recycle", "Retain"),
      storageClassName: named(subdomainProblem),
      volumeMode,
    }),
    oneSource,
    reachable,
    recyclable,
  ],
  "core/v1.LocalVolumeSource": [fields({ path: neededName(climbingPathProblem) })],
  "core/v1.PersistentVolumeClaimVolumeSource": [fields({ claimName: needed })],
  "core/v1.EphemeralVolumeSource": [fields({ volumeClaimTemplate: needed })],
  "storage/v1.StorageClass": [fields({ provisioner, volumeBindingMode: oneOf("Immediate", "WaitForFirstConsumer"), reclaimPolicy: oneOf("Delete", "Retain") })],
};
