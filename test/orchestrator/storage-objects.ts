/** Claims, volumes and classes for the tables of tests. */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { at, meta } from "./objects.ts";

export interface Parts {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly uid?: string;
  readonly deleting?: boolean;
  readonly status?: object;
}

function object(kind: string, name: string, spec: object, { annotations, labels, uid, deleting, status }: Parts): KubeObject {
  const more = { ...(annotations && { annotations }), ...(labels && { labels }), ...(uid && { uid }), ...(deleting && { deletionTimestamp: at(0) }) };
  return { apiVersion: "v1", kind, metadata: meta(name, more), spec, ...(status && { status }) };
}

const RWO = ["ReadWriteOnce"];

export function claim(spec: object = {}, parts: Parts = {}): KubeObject {
  return object("PersistentVolumeClaim", "data", { accessModes: RWO, storageClassName: "manual", resources: { requests: { storage: "2Gi" } }, ...spec }, parts);
}

export function volume(name: string, storage: string, spec: object = {}, parts: Parts = {}): KubeObject {
  const whole = { capacity: { storage }, accessModes: RWO, storageClassName: "manual", ...spec };
  return object("PersistentVolume", name, whole, { status: { phase: "Available" }, ...parts });
}

export function storageClass(name: string, fields: object = {}, parts: Parts = {}): KubeObject {
  const { metadata } = object("StorageClass", name, {}, parts);
  return { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", metadata, provisioner: "strata.io/local-path", volumeBindingMode: "Immediate", ...fields };
}

/** The claim's, as a volume names it. */
export const ref = (more: object = {}): object => ({ claimRef: { namespace: "default", name: "data", uid: "uid-data", ...more } });
export const bound = { "pv.kubernetes.io/bind-completed": "yes" };
export const byController = { "pv.kubernetes.io/bound-by-controller": "yes" };
export const lazy = storageClass("lazy", { volumeBindingMode: "WaitForFirstConsumer" });
/** Reached from these nodes. */
export const on = (...nodes: string[]): object => ({
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: nodes }] }] } },
});
export const node = (name: string): KubeObject => ({ apiVersion: "v1", kind: "Node", metadata: meta(name, { labels: { "kubernetes.io/hostname": name } }) });
