/** Where a cluster's files are under the root. */
import { join } from "node:path";

export function clusterFolder(root: string): string {
  return join(root, "cluster");
}

export function kubeconfigPath(root: string): string {
  return join(clusterFolder(root), "kubeconfig");
}
