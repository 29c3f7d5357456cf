/** Kubernetes objects for the tables of controller tests. */
import type { KubeObject, ObjectMeta } from "../../orchestrator/cluster.ts";
import { controllerReference } from "../../orchestrator/controllers/owner.ts";

/** The moment that plan tests call now. */
export const NOW = Date.parse("2030-01-01T00:00:00Z");

export function at(seconds: number): string {
  return `${new Date(NOW + seconds * 1000).toISOString().slice(0, 19)}Z`;
}

export function meta(name: string, more: Partial<ObjectMeta> = {}): ObjectMeta {
  return { name, namespace: "default", uid: `uid-${name}`, resourceVersion: "1", generation: 1, creationTimestamp: at(-3600), ...more };
}

export interface PodOptions {
  readonly phase?: string;
  readonly ready?: boolean;
  readonly readyFor?: number;
  readonly node?: string;
  readonly cost?: string;
  readonly restarts?: number;
  readonly age?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly owner?: KubeObject;
  readonly deleting?: boolean;
  readonly spec?: unknown;
}

export function pod(name: string, options: PodOptions = {}): KubeObject {
  const { phase = "Running", ready = true, readyFor = 600, node = "node-a", age = 3600, labels = { app: "web" } } = options;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: meta(name, {
      labels,
      creationTimestamp: at(-age),
      ...(options.owner === undefined ? {} : { ownerReferences: [controllerReference(options.owner)] }),
      ...(options.cost === undefined ? {} : { annotations: { "controller.kubernetes.io/pod-deletion-cost": options.cost } }),
      ...(options.deleting === true ? { deletionTimestamp: at(0) } : {}),
    }),
    spec: { containers: [{ name: "main", image: "web:v1" }], ...(node === "" ? {} : { nodeName: node }), ...(options.spec as object) },
    status: {
      phase,
      conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: at(-readyFor) }],
      containerStatuses: [{ name: "main", restartCount: options.restarts ?? 0 }],
    },
  };
}

export function replicaSet(name: string, replicas: number, more: Partial<KubeObject> = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: meta(name),
    spec: { replicas, selector: { matchLabels: { app: "web" } }, template: { metadata: { labels: { app: "web" } }, spec: { containers: [] } } },
    ...more,
  };
}

export function deployment(name: string, replicas: number, image: string, spec: object = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta(name),
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "main", image }] } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      ...spec,
    },
  };
}

export function statefulSet(name: string, replicas: number, spec: object = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: meta(name),
    spec: {
      replicas,
      serviceName: "nginx",
      podManagementPolicy: "OrderedReady",
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      revisionHistoryLimit: 10,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "main", image: "web:v1" }] } },
      ...spec,
    },
  };
}

export function daemonSet(name: string, spec: object = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: meta(name),
    spec: {
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      revisionHistoryLimit: 10,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "main", image: "web:v1" }] } },
      ...spec,
    },
  };
}

export function node(name: string, more: { readonly labels?: Readonly<Record<string, string>>; readonly taints?: readonly object[] } = {}): KubeObject {
  const { namespace: _, ...metadata } = meta(name, { labels: { "kubernetes.io/hostname": name, ...more.labels } });
  return { apiVersion: "v1", kind: "Node", metadata, spec: more.taints === undefined ? {} : { taints: more.taints }, status: {} };
}
