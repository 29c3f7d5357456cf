/**
 * The class that a new cluster starts with, so that claims work out of the box. It is given once: who deletes it, or puts another in its
 * place, is not given it again. The mark of that stands on a namespace that nobody can delete.
 */
import type { Cluster, KubeObject } from "../cluster.ts";
import { CLASSES, DEFAULT_CLASS, LOCAL_PROVISIONER } from "./names.ts";

const GIVEN = "strata.io/storage-class-given";
const HOME = { namespace: undefined, name: "kube-system" };

/** Idempotent. */
export async function furnishStorage(cluster: Cluster): Promise<void> {
  if (cluster.get("namespaces", HOME)?.metadata.annotations?.[GIVEN] !== undefined) return;
  if (cluster.list(CLASSES).length === 0) {
    await cluster.create(CLASSES, {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: "local-path", annotations: { [DEFAULT_CLASS]: "true" } },
      provisioner: LOCAL_PROVISIONER,
      reclaimPolicy: "Delete",
      volumeBindingMode: "WaitForFirstConsumer",
      allowVolumeExpansion: true,
    });
  }
  await cluster.modify("namespaces", HOME, marked);
}

function marked(namespace: KubeObject): KubeObject {
  return { ...namespace, metadata: { ...namespace.metadata, annotations: { ...namespace.metadata.annotations, [GIVEN]: "yes" } } };
}
