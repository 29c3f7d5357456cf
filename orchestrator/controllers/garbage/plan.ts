/** What the garbage collector does with one object, from the state of its owners and dependents. Decides, and does nothing. Spec: Kubernetes documentation, "Garbage Collection". */
import type { KubeObject, OwnerReference } from "../../cluster.ts";

export const FOREGROUND = "foregroundDeletion";
export const ORPHAN = "orphan";

export type GarbageAction =
  | { readonly kind: "delete"; readonly policy: "Background" | "Foreground" | "Orphan" }
  | { readonly kind: "drop-owners"; readonly uids: readonly string[] }
  /** Waits in the foreground: its dependents go first. */
  | { readonly kind: "delete-dependents" }
  | { readonly kind: "orphan-dependents" }
  | { readonly kind: "release"; readonly finalizer: string };

export interface Surroundings {
  /** The owner as it is now; undefined when there is none with that uid; `unknown` when its kind is not served here. */
  readonly owner: (reference: OwnerReference) => KubeObject | undefined | "unknown";
  readonly dependents: readonly KubeObject[];
}

export function planGarbage(object: KubeObject, { owner, dependents }: Surroundings): GarbageAction | undefined {
  const finalizers = object.metadata.finalizers ?? [];
  if (object.metadata.deletionTimestamp !== undefined) {
    if (finalizers.includes(ORPHAN)) return dependents.length > 0 ? { kind: "orphan-dependents" } : { kind: "release", finalizer: ORPHAN };
    if (!finalizers.includes(FOREGROUND)) return undefined;
    const blocking = dependents.filter((dependent) => blocks(dependent, object));
    return blocking.length > 0 ? { kind: "delete-dependents" } : { kind: "release", finalizer: FOREGROUND };
  }
  const references = object.metadata.ownerReferences ?? [];
  if (references.length === 0) return undefined;
  const absent = references.filter((reference) => owner(reference) === undefined);
  const waiting = references.filter((reference) => isWaiting(owner(reference)));
  const solid = references.length - absent.length - waiting.length;
  const gone = [...absent, ...waiting].map(({ uid }) => uid);
  if (solid > 0) return gone.length > 0 ? { kind: "drop-owners", uids: gone } : undefined;
  if (waiting.length > 0 && dependents.length > 0) return { kind: "delete", policy: "Foreground" };
  return { kind: "delete", policy: finalizers.includes(ORPHAN) ? "Orphan" : finalizers.includes(FOREGROUND) ? "Foreground" : "Background" };
}

function isWaiting(owner: KubeObject | undefined | "unknown"): boolean {
  return typeof owner === "object" && owner.metadata.deletionTimestamp !== undefined && (owner.metadata.finalizers ?? []).includes(FOREGROUND);
}

function blocks(dependent: KubeObject, owner: KubeObject): boolean {
  return (dependent.metadata.ownerReferences ?? []).some(({ uid, blockOwnerDeletion }) => uid === owner.metadata.uid && blockOwnerDeletion === true);
}
