/** What the status of a namespace that is going says of what is left in it. Decides, and does nothing. Spec: Kubernetes API reference, "NamespaceStatus". */
import type { KubeObject, ResourceName } from "../../cluster.ts";
import type { Condition } from "../conditions.ts";

/** What is left, by resource: `configmaps`, `deployments.apps`. */
export type Content = ReadonlyMap<ResourceName, readonly KubeObject[]>;

type Told = Pick<Condition, "type" | "status" | "reason" | "message">;

/** `failed`: what could not be asked to go, in its own words. */
export function planConditions(content: Content, failed: readonly string[]): readonly Told[] {
  return [
    condition("NamespaceDeletionDiscoveryFailure", undefined, "ResourcesDiscovered", "All resources successfully discovered"),
    condition("NamespaceDeletionGroupVersionParsingFailure", undefined, "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    condition(
      "NamespaceDeletionContentFailure",
      failed.length === 0
        ? undefined
        : { reason: "ContentDeletionFailed", message: `Failed to delete all resource types, ${failed.length} remaining: ${failed.join(", ")}` },
      "ContentDeleted",
      "All content successfully deleted, may be waiting on finalization",
    ),
    condition("NamespaceContentRemaining", remaining(content), "ContentRemoved", "All content successfully removed"),
    condition("NamespaceFinalizersRemaining", held(content), "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
  ];
}

interface Problem {
  readonly reason: string;
  readonly message: string;
}

function condition(type: string, problem: Problem | undefined, reason: string, message: string): Told {
  return problem === undefined ? { type, status: "False", reason, message } : { type, status: "True", ...problem };
}

/** The core group is empty, so `configmaps.`. */
function remaining(content: Content): Problem | undefined {
  const counts = [...content].filter(([, objects]) => objects.length > 0);
  const parts = counts.map(([name, { length }]) => `${name.includes(".") ? name : `${name}.`} has ${length} resource instances`);
  return parts.length === 0 ? undefined : { reason: "SomeResourcesRemain", message: `Some resources are remaining: ${parts.toSorted().join(", ")}` };
}

function held(content: Content): Problem | undefined {
  const counts = new Map<string, number>();
  for (const { metadata } of [...content.values()].flat())
    for (const finalizer of metadata.finalizers ?? []) counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1);
  const parts = [...counts].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`);
  if (parts.length === 0) return undefined;
  return { reason: "SomeFinalizersRemain", message: `Some content in the namespace has finalizers remaining: ${parts.toSorted().join(", ")}` };
}
