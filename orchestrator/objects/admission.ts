/** What the cluster adds to objects on their way in, as rows by resource: what defaults cannot know because it needs the rest of the cluster. */
import { clone } from "../schema/clone.ts";
import { randomUUID } from "node:crypto";
import type { KubeObject, ResourceName } from "../cluster.ts";
import { forbidden } from "../errors.ts";
import { nameOf } from "../schema/resource.ts";
import { limitClaim, limitPod } from "./limit-ranges.ts";
import { settleTaints } from "./node-taints.ts";
import { qosClass } from "./pod-resources.ts";
import type { WriteRequest } from "./request.ts";
import { admitServiceAccount } from "./service-account-admission.ts";
import { allocateService, keepService } from "./service-addresses.ts";
import { admitClaim, admitGrowth, admitVolume } from "./storage-admission.ts";
import { beginGenerations, countGenerations } from "./template-generation.ts";

/** Changes `object`. @throws {ApiError} `Forbidden`, `Invalid` */
export function admit(request: WriteRequest, object: Record<string, any>): void {
  onCreate[nameOf(request.resource)]?.(request, object);
}

/** Changes `next`. */
export function admitChange(request: WriteRequest, current: KubeObject, next: Record<string, any>, subresource: string | undefined): void {
  onChange[nameOf(request.resource)]?.(request, current, next, subresource);
}

/** Writes that follow from a creation, in the same transaction. */
export function afterCreate(request: WriteRequest, stored: KubeObject): void {
  if (stored.kind === "Namespace") furnishNamespace(request);
}

type OnCreate = (request: WriteRequest, object: any) => void;
type OnChange = (request: WriteRequest, current: KubeObject, next: any, subresource: string | undefined) => void;

const NOT_READY_SECONDS = 300;

const GRANTS: readonly ResourceName[] = ["roles", "rolebindings", "clusterroles", "clusterrolebindings"].map((name) => `${name}.rbac.authorization.k8s.io`);

const onCreate: Readonly<Record<ResourceName, OnCreate>> = {
  pods: (request, pod) => {
    admitPod(request, pod);
    if (pod.spec !== undefined) limitPod(request, pod);
    pod.status = { phase: "Pending", qosClass: qosClass(pod.spec) };
  },
  namespaces: (_, namespace) => {
    namespace.metadata.labels = { "kubernetes.io/metadata.name": namespace.metadata.name, ...namespace.metadata.labels };
    namespace.spec = { finalizers: ["kubernetes"] };
    namespace.status = { phase: "Active" };
  },
  nodes: ({ name, now }, node) => {
    node.metadata.labels = { "kubernetes.io/hostname": name, ...node.metadata.labels };
    node.spec ??= {};
    settleTaints(node, now);
  },
  services: (request, service) => {
    allocateService(request, service);
    service.status = { loadBalancer: {} };
  },
  secrets: (_, secret) => mergeStringData(secret),
  "jobs.batch": (_, job) => {
    delete job.status;
    selectOwnPods(job);
  },
  "daemonsets.apps": (_, set) => {
    delete set.status;
    beginGenerations(set);
  },
  persistentvolumeclaims: (request, claim) => {
    admitClaim(request, claim);
    limitClaim(request, claim);
  },
  persistentvolumes: admitVolume,
  ...Object.fromEntries(GRANTS.map((name): [string, OnCreate] => [name, (request, object) => request.writer.checkGrant?.(request, object)])),
  ...Object.fromEntries(
    [
      "deployments.apps",
      "replicasets.apps",
      "statefulsets.apps",
      "cronjobs.batch",
      "replicationcontrollers",
      "poddisruptionbudgets.policy",
      "horizontalpodautoscalers.autoscaling",
    ].map((name): [string, OnCreate] => [name, (_, object) => void delete object.status]),
  ),
};

const onChange: Readonly<Record<ResourceName, OnChange>> = {
  pods: (_, __, { spec }, subresource) => {
    if (spec !== undefined && subresource === undefined) completePod(spec);
  },
  secrets: (_, __, secret) => mergeStringData(secret),
  services: keepService,
  "daemonsets.apps": (_, current, set) => countGenerations(current, set),
  ...Object.fromEntries(GRANTS.map((name): [string, OnChange] => [name, (request, _, next) => request.writer.checkGrant?.(request, next)])),
  persistentvolumeclaims: admitGrowth,
  nodes: ({ now }, _, node) => settleTaints(node, now),
  namespaces: ({ writer }, current, namespace, subresource) => {
    if (!writer.internal && subresource !== "finalize") namespace.spec = clone(current.spec);
  },
};

function admitPod(request: WriteRequest, pod: any): void {
  const { spec } = pod;
  if (spec === undefined) return;
  admitServiceAccount(request, spec);
  spec.enableServiceLinks ??= true;
  admitPriority(request, spec);
  completePod(spec);
}

/** A list that is replaced as a whole comes without what was added to it: so this is done at every change too. */
function completePod(spec: any): void {
  const containers: any[] = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  for (const container of containers) requestLimits(container);
  if (spec.hostNetwork === true) for (const { ports = [] } of containers) for (const port of ports) port.hostPort ??= port.containerPort;
  for (const key of ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]) tolerate(spec, key);
}

const PRIORITIES = "priorityclasses.scheduling.k8s.io";

/** Without a class the one that is the default, if any. */
function admitPriority({ transaction, resource, name }: WriteRequest, spec: any): void {
  const { priorityClassName = "" } = spec;
  const chosen =
    priorityClassName === ""
      ? transaction.list(PRIORITIES).find((one) => one["globalDefault"] === true)
      : transaction.get({ resource: PRIORITIES, namespace: "", name: priorityClassName });
  if (chosen === undefined && priorityClassName !== "") throw forbidden(resource, name, `no PriorityClass with name ${priorityClassName} was found`);
  if (chosen !== undefined) spec.priorityClassName = chosen.metadata.name;
  const priority: number = chosen?.["value"] ?? 0;
  if (spec.priority !== undefined && spec.priority !== priority) {
    const says = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`;
    throw forbidden(resource, name, says);
  }
  spec.priority = priority;
  spec.preemptionPolicy ??= chosen?.["preemptionPolicy"] ?? "PreemptLowerPriority";
}

/** What is limited and not requested is requested in full. */
function requestLimits({ resources }: any): void {
  if (resources?.limits !== undefined) resources.requests = { ...resources.limits, ...resources.requests };
}

function tolerate(spec: any, key: string): void {
  const tolerations: any[] = spec.tolerations ?? [];
  if (tolerations.some((one) => (one.key === key || one.key === undefined) && (one.effect === undefined || one.effect === "NoExecute"))) return;
  spec.tolerations = [...tolerations, { key, operator: "Exists", effect: "NoExecute", tolerationSeconds: NOT_READY_SECONDS }];
}

function mergeStringData(secret: any): void {
  const { stringData } = secret;
  if (stringData === undefined) return;
  delete secret.stringData;
  const encoded = Object.entries(stringData as Record<string, string>).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  secret.data = { ...secret.data, ...Object.fromEntries(encoded) };
}

function selectOwnPods(job: any): void {
  if (job.spec?.manualSelector === true || job.spec?.template === undefined) return;
  const { uid, name } = job.metadata;
  const labels = { "batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name, "controller-uid": uid, "job-name": name };
  const { template } = job.spec;
  template.metadata = { ...template.metadata, labels: { ...labels, ...template.metadata?.labels } };
  job.spec.selector = { ...job.spec.selector, matchLabels: { "batch.kubernetes.io/controller-uid": uid, ...job.spec.selector?.matchLabels } };
}

/** What every namespace has: the account that pods run as, and the authority that they trust. */
function furnishNamespace({ transaction, name: namespace, settings, now }: WriteRequest): void {
  const metadata = (name: string): any => ({ name, namespace, uid: randomUUID(), resourceVersion: "", creationTimestamp: now });
  const put = (resource: string, object: KubeObject): void => {
    const key = { resource, namespace, name: object.metadata.name };
    if (transaction.get(key) === undefined) transaction.put(key, object);
  };
  put("serviceaccounts", { apiVersion: "v1", kind: "ServiceAccount", metadata: metadata("default") });
  put("configmaps", { apiVersion: "v1", kind: "ConfigMap", metadata: metadata("kube-root-ca.crt"), data: { "ca.crt": settings.authority } });
}
