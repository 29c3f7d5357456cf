/** Storage classes: which is the default, and when its volumes are bound. Spec: Kubernetes documentation, "Storage Classes". */
import type { KubeObject } from "../cluster.ts";
import { BETA_DEFAULT_CLASS, DEFAULT_CLASS } from "./names.ts";

export function isDefaultClass({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[DEFAULT_CLASS] === "true" || metadata.annotations?.[BETA_DEFAULT_CLASS] === "true";
}

/** Of several defaults the newest counts, then the first by name. */
export function defaultClass(classes: readonly KubeObject[]): KubeObject | undefined {
  return classes
    .filter(isDefaultClass)
    .toSorted(
      (left, right) => right.metadata.creationTimestamp.localeCompare(left.metadata.creationTimestamp) || (left.metadata.name < right.metadata.name ? -1 : 1),
    )[0];
}

/** No volume before a pod that uses the claim has a node. */
export function isDelayed(storageClass: KubeObject | undefined): boolean {
  return storageClass?.["volumeBindingMode"] === "WaitForFirstConsumer";
}

/** Whether the class's volumes may be made for this node. */
export function allowsNode(storageClass: KubeObject, node: KubeObject): boolean {
  const terms: readonly { readonly matchLabelExpressions?: readonly { readonly key: string; readonly values: readonly string[] }[] }[] =
    storageClass["allowedTopologies"] ?? [];
  const labels = node.metadata.labels ?? {};
  return (
    terms.length === 0 || terms.some(({ matchLabelExpressions = [] }) => matchLabelExpressions.every(({ key, values }) => values.includes(labels[key] ?? "")))
  );
}
