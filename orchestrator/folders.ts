/** Where a cluster's files are under the root. */
import { join, resolve } from "node:path";

export function clusterFolder(root: string): string {
  return join(root, "cluster");
}

export function kubeconfigPath(root: string): string {
  return join(clusterFolder(root), "kubeconfig");
}

/** A folder for each volume that was made for a claim. Absolute: volumes name it. */
export function volumesFolder(root: string): string {
  return resolve(clusterFolder(root), "volumes");
}
