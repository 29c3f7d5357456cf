/** What may not change once it is set, as rows. */
import type { KubeObject, ResourceName } from "../cluster.ts";
import { equal } from "../schema/equal.ts";
import { forbiddenField, invalid, type FieldError } from "../schema/field-error.ts";
import { nameOf, type Resource } from "../schema/resource.ts";
import { claimSpec, unchanged, volumeSource } from "./immutable-storage.ts";

type Rule = (before: any, after: any) => readonly FieldError[];

/** `lenient` for writes of subresources and of the control plane, which reach fields that users may not. */
export function validateChange(resource: Resource, before: KubeObject, after: KubeObject, lenient: boolean): FieldError[] {
  const rules = table[nameOf(resource)] ?? [];
  const own = lenient && resource.kind === "Pod" ? [] : rules.flatMap((rule) => rule(before, after));
  return [...newFinalizers(before, after), ...own];
}

function newFinalizers({ metadata: before }: KubeObject, { metadata: after }: KubeObject): FieldError[] {
  const added = (after.finalizers ?? []).filter((finalizer) => !(before.finalizers ?? []).includes(finalizer));
  if (before.deletionTimestamp === undefined || added.length === 0) return [];
  const listed = added.map((finalizer) => JSON.stringify(finalizer)).join(", ");
  return [forbiddenField("metadata.finalizers", `no new finalizers can be added if the object is being deleted, found new finalizers []string{${listed}}`)];
}

function at(object: any, path: string): unknown {
  return path.split(".").reduce((value, name) => value?.[name], object);
}

const fixed =
  (path: string): Rule =>
  (before, after) =>
    equal(at(before, path), at(after, path)) ? [] : [invalid(path, at(after, path) ?? null, "field is immutable")];

/** May be set, but not changed after. */
const fixedOnceSet =
  (path: string): Rule =>
  (before, after) =>
    at(before, path) === undefined ? [] : fixed(path)(before, after);

const refused =
  (path: string, says: string): Rule =>
  (before, after) =>
    equal(at(before, path), at(after, path)) ? [] : [forbiddenField(path, says)];

const roleKept: Rule = (before, after) => (equal(before.roleRef, after.roleRef) ? [] : [invalid("roleRef", after.roleRef, "cannot change roleRef")]);

/** Services that are names have no address. */
const addressKept: Rule = ({ spec: before }, { spec: after }) =>
  before.type === "ExternalName" || after.type === "ExternalName" || before.clusterIP === undefined || before.clusterIP === after.clusterIP
    ? []
    : [invalid("spec.clusterIPs[0]", [after.clusterIP], "may not change once set")];

const onlySpec =
  (allowed: readonly string[], says: string): Rule =>
  (before, after) =>
    equal(omit(before.spec, allowed), omit(after.spec, allowed)) ? [] : [forbiddenField("spec", says)];

function omit(value: Record<string, unknown> = {}, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

const frozenData: Rule = (before, after) => {
  if (before.immutable !== true) return [];
  const reset = after.immutable === true ? [] : [forbiddenField("immutable", "field is immutable when `immutable` is set")];
  return [
    ...reset,
    ...["data", "binaryData"].flatMap((name) => (equal(before[name], after[name]) ? [] : [forbiddenField(name, "field is immutable when `immutable` is set")])),
  ];
};

const podSays =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

const podSpec: Rule = (before, after) =>
  equal(comparable(before.spec), comparable(after.spec)) && keepsTolerations(before.spec, after.spec) ? [] : [forbiddenField("spec", podSays)];

function comparable(spec: any): unknown {
  const images = (containers: any[] | undefined): unknown => containers?.map((container) => ({ ...container, image: "" }));
  const { activeDeadlineSeconds: _, tolerations: __, schedulingGates: ___, ...rest } = spec;
  return { ...rest, containers: images(spec.containers), initContainers: images(spec.initContainers) };
}

function keepsTolerations(before: any, after: any): boolean {
  return (before.tolerations ?? []).every((one: unknown) => (after.tolerations ?? []).some((other: unknown) => equal(one, other)));
}

const statefulSetSays =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

/** Of an Indexed Job together with its parallelism. */
const completions: Rule = (before, after) => {
  if (after.spec.completionMode !== "Indexed") return fixed("spec.completions")(before, after);
  const changed = after.spec.completions !== undefined && after.spec.completions !== before.spec.completions;
  if (!changed || after.spec.completions === after.spec.parallelism) return [];
  return [invalid("spec.completions", after.spec.completions, "can only be modified in tandem with spec.parallelism")];
};

/** What the scheduler reads may change while a Job is suspended and never started. */
const jobTemplate: Rule = (before, after) => {
  if (before.spec.suspend !== true || before.status?.startTime !== undefined) return fixed("spec.template")(before, after);
  return equal(unscheduled(before.spec.template), unscheduled(after.spec.template))
    ? []
    : [invalid("spec.template", after.spec.template, "field is immutable")];
};

function unscheduled({ metadata, spec }: any): unknown {
  const affinity = omit(spec?.affinity, ["nodeAffinity"]);
  return [omit(metadata, ["labels", "annotations"]), omit(spec, ["nodeSelector", "tolerations", "schedulingGates", "affinity"]), affinity];
}

const jobChanges: readonly Rule[] = [
  completions,
  fixed("spec.selector"),
  jobTemplate,
  ...["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"].map((name) => fixed(`spec.${name}`)),
];

const table: Readonly<Record<ResourceName, readonly Rule[]>> = {
  pods: [podSpec],
  configmaps: [frozenData],
  secrets: [fixed("type"), frozenData],
  services: [addressKept],
  persistentvolumeclaims: [claimSpec],
  persistentvolumes: [volumeSource, fixed("spec.volumeMode"), fixedOnceSet("spec.nodeAffinity")],
  "deployments.apps": [fixed("spec.selector")],
  "replicasets.apps": [fixed("spec.selector")],
  "daemonsets.apps": [fixed("spec.selector")],
  "statefulsets.apps": [
    onlySpec(
      ["replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"],
      statefulSetSays,
    ),
  ],
  "controllerrevisions.apps": [fixed("data")],
  "jobs.batch": jobChanges,
  "storageclasses.storage.k8s.io": [unchanged("parameters"), unchanged("provisioner"), unchanged("reclaimPolicy"), fixed("volumeBindingMode")],
  "priorityclasses.scheduling.k8s.io": [refused("value", "may not be changed in an update."), refused("preemptionPolicy", "may not be changed in an update.")],
  "rolebindings.rbac.authorization.k8s.io": [roleKept],
  "clusterrolebindings.rbac.authorization.k8s.io": [roleKept],
  "endpointslices.discovery.k8s.io": [fixed("addressType")],
};
