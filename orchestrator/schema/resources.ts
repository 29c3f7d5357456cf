/** The table of kinds. */
import type { ResourceName } from "../cluster.ts";
import { autoscalingV1 } from "./hpa-versions.ts";
import { allVerbs, apiVersionOf, nameOf, type Resource, type Subresource, type Verb } from "./resource.ts";

type Row = Pick<Resource, "resource" | "kind"> & Partial<Omit<Resource, "group" | "version" | "type" | "namespaced">>;

const connect = ["get", "create"];
const podSubresources: readonly Subresource[] = [
  { name: "attach", kind: "PodAttachOptions", group: "", version: "v1", verbs: connect },
  { name: "binding", kind: "Binding", group: "", version: "v1", verbs: ["create"] },
  { name: "ephemeralcontainers", kind: "Pod", group: "", version: "v1", verbs: ["get", "patch", "update"] },
  { name: "eviction", kind: "Eviction", group: "policy", version: "v1", verbs: ["create"] },
  { name: "exec", kind: "PodExecOptions", group: "", version: "v1", verbs: connect },
  { name: "log", kind: "Pod", group: "", version: "v1", verbs: ["get"] },
  { name: "portforward", kind: "PodPortForwardOptions", group: "", version: "v1", verbs: connect },
];

const podFields = [
  "spec.nodeName",
  "spec.restartPolicy",
  "spec.schedulerName",
  "spec.serviceAccountName",
  "spec.hostNetwork",
  "status.phase",
  "status.podIP",
  "status.nominatedNodeName",
];
const involved = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map((field) => `involvedObject.${field}`);
/** Questions: answered, never stored. */
const asks: readonly Verb[] = ["create"];
/** Measurements: made when asked for, never stored. */
const measures: readonly Verb[] = ["get", "list"];
const token: Subresource = { name: "token", kind: "TokenRequest", group: "authentication.k8s.io", version: "v1", verbs: ["create"] };
const finalize: Subresource = { name: "finalize", kind: "Namespace", group: "", version: "v1", verbs: ["update"] };

export const resources: readonly Resource[] = [
  ...group("", "v1", "core/v1", true, [
    { resource: "pods", kind: "Pod", shortNames: ["po"], categories: ["all"], hasStatus: true, subresources: podSubresources, selectable: podFields },
    { resource: "configmaps", kind: "ConfigMap", shortNames: ["cm"] },
    { resource: "secrets", kind: "Secret", selectable: ["type"] },
    { resource: "services", kind: "Service", shortNames: ["svc"], categories: ["all"], hasStatus: true, selectable: ["spec.clusterIP", "spec.type"] },
    { resource: "endpoints", kind: "Endpoints", singular: "endpoints", shortNames: ["ep"] },
    { resource: "events", kind: "Event", shortNames: ["ev"], selectable: [...involved, "reason", "reportingComponent", "source", "type"] },
    { resource: "serviceaccounts", kind: "ServiceAccount", shortNames: ["sa"], subresources: [token] },
    { resource: "persistentvolumeclaims", kind: "PersistentVolumeClaim", shortNames: ["pvc"], hasStatus: true },
    { resource: "podtemplates", kind: "PodTemplate", countsGeneration: true },
    {
      resource: "replicationcontrollers",
      kind: "ReplicationController",
      shortNames: ["rc"],
      categories: ["all"],
      hasStatus: true,
      countsGeneration: true,
      scales: true,
      orphansByDefault: true,
      selectable: ["status.replicas"],
    },
    { resource: "limitranges", kind: "LimitRange", shortNames: ["limits"] },
    { resource: "resourcequotas", kind: "ResourceQuota", shortNames: ["quota"], hasStatus: true },
  ]),
  ...group("", "v1", "core/v1", false, [
    { resource: "namespaces", kind: "Namespace", shortNames: ["ns"], hasStatus: true, subresources: [finalize], selectable: ["status.phase"] },
    { resource: "nodes", kind: "Node", shortNames: ["no"], hasStatus: true, selectable: ["spec.unschedulable"] },
    { resource: "persistentvolumes", kind: "PersistentVolume", shortNames: ["pv"], hasStatus: true },
  ]),
  ...group("apps", "v1", "apps/v1", true, [
    { resource: "deployments", kind: "Deployment", shortNames: ["deploy"], categories: ["all"], hasStatus: true, countsGeneration: true, scales: true },
    {
      resource: "replicasets",
      kind: "ReplicaSet",
      shortNames: ["rs"],
      categories: ["all"],
      hasStatus: true,
      countsGeneration: true,
      scales: true,
      selectable: ["status.replicas"],
    },
    { resource: "statefulsets", kind: "StatefulSet", shortNames: ["sts"], categories: ["all"], hasStatus: true, countsGeneration: true, scales: true },
    { resource: "daemonsets", kind: "DaemonSet", shortNames: ["ds"], categories: ["all"], hasStatus: true, countsGeneration: true },
    { resource: "controllerrevisions", kind: "ControllerRevision" },
  ]),
  ...group("batch", "v1", "batch/v1", true, [
    { resource: "jobs", kind: "Job", categories: ["all"], hasStatus: true, countsGeneration: true, orphansByDefault: true, selectable: ["status.successful"] },
    { resource: "cronjobs", kind: "CronJob", shortNames: ["cj"], categories: ["all"], hasStatus: true, countsGeneration: true },
  ]),
  ...group("autoscaling", "v2", "autoscaling/v2", true, [
    { resource: "horizontalpodautoscalers", kind: "HorizontalPodAutoscaler", shortNames: ["hpa"], categories: ["all"], hasStatus: true },
  ]),
  ...group("autoscaling", "v1", "autoscaling/v1", true, [
    {
      resource: "horizontalpodautoscalers",
      kind: "HorizontalPodAutoscaler",
      shortNames: ["hpa"],
      categories: ["all"],
      hasStatus: true,
      conversion: autoscalingV1,
    },
  ]),
  ...group("policy", "v1", "policy/v1", true, [
    { resource: "poddisruptionbudgets", kind: "PodDisruptionBudget", shortNames: ["pdb"], hasStatus: true, countsGeneration: true },
  ]),
  ...group("networking.k8s.io", "v1", "networking/v1", true, [
    { resource: "ingresses", kind: "Ingress", singular: "ingress", shortNames: ["ing"], hasStatus: true, countsGeneration: true },
    { resource: "networkpolicies", kind: "NetworkPolicy", singular: "networkpolicy", shortNames: ["netpol"], countsGeneration: true },
  ]),
  ...group("networking.k8s.io", "v1", "networking/v1", false, [
    { resource: "ingressclasses", kind: "IngressClass", singular: "ingressclass", countsGeneration: true },
  ]),
  ...group("rbac.authorization.k8s.io", "v1", "rbac/v1", true, [
    { resource: "roles", kind: "Role" },
    { resource: "rolebindings", kind: "RoleBinding" },
  ]),
  ...group("rbac.authorization.k8s.io", "v1", "rbac/v1", false, [
    { resource: "clusterroles", kind: "ClusterRole" },
    { resource: "clusterrolebindings", kind: "ClusterRoleBinding" },
  ]),
  ...group("storage.k8s.io", "v1", "storage/v1", false, [{ resource: "storageclasses", kind: "StorageClass", singular: "storageclass", shortNames: ["sc"] }]),
  ...group("discovery.k8s.io", "v1", "discovery/v1", true, [{ resource: "endpointslices", kind: "EndpointSlice" }]),
  ...group("coordination.k8s.io", "v1", "coordination/v1", true, [{ resource: "leases", kind: "Lease" }]),
  ...group("scheduling.k8s.io", "v1", "scheduling/v1", false, [
    { resource: "priorityclasses", kind: "PriorityClass", singular: "priorityclass", shortNames: ["pc"] },
  ]),
  // The singular is left to the kinds of the core group: `kubectl get node` means those.
  ...group("metrics.k8s.io", "v1beta1", "metrics/v1beta1", false, [{ resource: "nodes", kind: "NodeMetrics", singular: "", verbs: measures }]),
  ...group("metrics.k8s.io", "v1beta1", "metrics/v1beta1", true, [{ resource: "pods", kind: "PodMetrics", singular: "", verbs: measures }]),
  ...group("authentication.k8s.io", "v1", "authentication/v1", false, [
    { resource: "selfsubjectreviews", kind: "SelfSubjectReview", verbs: asks },
    { resource: "tokenreviews", kind: "TokenReview", verbs: asks },
  ]),
  ...group("authorization.k8s.io", "v1", "authorization/v1", false, [
    { resource: "selfsubjectaccessreviews", kind: "SelfSubjectAccessReview", verbs: asks },
    { resource: "selfsubjectrulesreviews", kind: "SelfSubjectRulesReview", verbs: asks },
    { resource: "subjectaccessreviews", kind: "SubjectAccessReview", verbs: asks },
  ]),
  ...group("authorization.k8s.io", "v1", "authorization/v1", true, [{ resource: "localsubjectaccessreviews", kind: "LocalSubjectAccessReview", verbs: asks }]),
];

const kept = resources.filter(({ conversion }) => conversion === undefined);
const byName: ReadonlyMap<ResourceName, Resource> = new Map(kept.map((resource) => [nameOf(resource), resource]));
const byPath: ReadonlyMap<string, Resource> = new Map(resources.map((resource) => [`${apiVersionOf(resource)}/${resource.resource}`, resource]));
const byKind: ReadonlyMap<string, Resource> = new Map(resources.map((resource) => [`${apiVersionOf(resource)}/${resource.kind}`, resource]));

/** The version that is kept. @throws {Error} for a name outside the table, which is a bug of the caller */
export function resourceNamed(name: ResourceName): Resource {
  const resource = byName.get(name);
  if (resource === undefined) throw new Error(`no resource ${name}`);
  return resource;
}

export function resourceAt(apiVersion: string, resource: string): Resource | undefined {
  return byPath.get(`${apiVersion}/${resource}`);
}

export function resourceOfKind(apiVersion: string, kind: string): Resource | undefined {
  return byKind.get(`${apiVersion}/${kind}`);
}

function group(name: string, version: string, types: string, namespaced: boolean, rows: readonly Row[]): Resource[] {
  return rows.map((row) => ({
    singular: row.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    hasStatus: false,
    countsGeneration: false,
    scales: false,
    subresources: [],
    selectable: [],
    verbs: allVerbs,
    ...row,
    group: name,
    version,
    type: `${types}.${row.kind}`,
    namespaced,
  }));
}
