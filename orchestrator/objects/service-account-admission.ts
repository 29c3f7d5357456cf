/** What a pod gets of the account that it runs as: pull secrets, and the volume by which it reaches the API. Spec: "Configure Service Accounts for Pods". */
import type { KubeObject } from "../cluster.ts";
import { forbidden } from "../errors.ts";
import { randomSuffix } from "./random-suffix.ts";
import type { WriteRequest } from "./request.ts";

const MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
const TOKEN_SECONDS = 3607;

/** Changes `spec`. @throws {ApiError} `Forbidden` when there is no such account */
export function admitServiceAccount({ transaction, resource, namespace, name }: WriteRequest, spec: any): void {
  spec.serviceAccountName ??= "default";
  spec.serviceAccount = spec.serviceAccountName;
  const account = transaction.get({ resource: "serviceaccounts", namespace, name: spec.serviceAccountName });
  if (account === undefined && spec.serviceAccountName !== "default") {
    const found = `serviceaccount "${spec.serviceAccountName}" not found`;
    throw forbidden(resource, name, `error looking up service account ${namespace}/${spec.serviceAccountName}: ${found}`);
  }
  if (account === undefined) return;
  if ((spec.imagePullSecrets ?? []).length === 0 && account["imagePullSecrets"] !== undefined) spec.imagePullSecrets = account["imagePullSecrets"];
  if (automounts(spec, account)) mountToken(spec);
}

/** The pod's word counts more than the account's. */
function automounts(spec: any, account: KubeObject): boolean {
  return spec.automountServiceAccountToken ?? account["automountServiceAccountToken"] ?? true;
}

/** Containers that mount something of their own there are left alone. */
function mountToken(spec: any): void {
  const containers: any[] = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  const lacking = containers.filter(({ volumeMounts = [] }) => !volumeMounts.some(({ mountPath }: any) => mountPath === MOUNT_PATH));
  if (lacking.length === 0) return;
  const name = `kube-api-access-${randomSuffix()}`;
  spec.volumes = [...(spec.volumes ?? []), { name, projected: accessSources() }];
  for (const container of lacking) container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: MOUNT_PATH }];
}

function accessSources(): object {
  return {
    defaultMode: 0o644,
    sources: [
      { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: "token" } },
      { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      { downwardAPI: { items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }] } },
    ],
  };
}
