/** Who owns whom, over all kinds, kept by events. */
import type { KubeObject, ResourceName, WatchEvent } from "../../cluster.ts";

export interface Reference {
  readonly resource: ResourceName;
  readonly namespace: string | undefined;
  readonly name: string;
}

export class OwnerGraph {
  /** Owner's uid → its dependents by their uid. */
  readonly #dependents = new Map<string, Map<string, Reference>>();

  record(resource: ResourceName, { type, object, previous }: WatchEvent): void {
    for (const owner of previous?.metadata.ownerReferences ?? []) this.#drop(owner.uid, object.metadata.uid);
    const reference = referenceTo(resource, object);
    for (const owner of object.metadata.ownerReferences ?? []) {
      if (type === "DELETED") this.#drop(owner.uid, object.metadata.uid);
      else this.#of(owner.uid).set(object.metadata.uid, reference);
    }
  }

  dependentsOf(uid: string): readonly Reference[] {
    return [...(this.#dependents.get(uid)?.values() ?? [])];
  }

  #of(uid: string): Map<string, Reference> {
    const found = this.#dependents.get(uid) ?? new Map<string, Reference>();
    this.#dependents.set(uid, found);
    return found;
  }

  #drop(owner: string, dependent: string): void {
    const found = this.#dependents.get(owner);
    found?.delete(dependent);
    if (found?.size === 0) this.#dependents.delete(owner);
  }
}

export function referenceTo(resource: ResourceName, { metadata }: KubeObject): Reference {
  return { resource, namespace: metadata.namespace, name: metadata.name };
}
