/** Manifests of claims, volumes and their users for tests with a real cluster. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** Until it is told to end. */
export const STAY = "trap 'exit 0' TERM; sleep 600 & wait";

export const LOCAL = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", provisioner: "strata.io/local-path" };
/** On the node of the cluster under test. */
export const here = { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["here"] }] }] } };

export function claim(name: string, spec: { readonly resources?: object; readonly [field: string]: unknown } = {}): object {
  const { resources = { requests: { storage: "1Mi" } }, ...rest } = spec;
  return { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name }, spec: { accessModes: ["ReadWriteOnce"], resources, ...rest } };
}

/** A volume made by hand: a folder below `place`. */
export function volumeAt(place: string, name: string, spec: object = {}): object {
  const path = join(place, name);
  mkdirSync(path, { recursive: true });
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: { capacity: { storage: "1Mi" }, accessModes: ["ReadWriteOnce"], storageClassName: "manual", hostPath: { path }, ...spec },
  };
}

/** Runs `script`, with the claim at /data. */
export function user(name: string, claimName: string, script: string, more: object = {}, mount: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      restartPolicy: "Never",
      volumes: [{ name: "data", persistentVolumeClaim: { claimName } }],
      containers: [{ name: "c", image: "local/box:v1", command: ["sh", "-c", script], volumeMounts: [{ name: "data", mountPath: "/data", ...mount }] }],
      ...more,
    },
  };
}
