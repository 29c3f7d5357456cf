/** The current objects in memory, by resource, namespace and name; and a layer of unfinished writes over them. */
import type { KubeObject } from "../cluster.ts";
import type { Change, LogKey, LogReader, Transaction } from "./object-log.ts";
import { SortedMap } from "./sorted-map.ts";

export class State implements LogReader {
  readonly #resources = new Map<string, SortedMap<SortedMap<KubeObject>>>();

  get(key: LogKey): KubeObject | undefined {
    return this.#resources.get(key.resource)?.get(key.namespace)?.get(key.name);
  }

  list(resource: string, namespace?: string): readonly KubeObject[] {
    const namespaces = this.#resources.get(resource);
    if (namespaces === undefined) return [];
    return namespace === undefined ? namespaces.values().flatMap((names) => names.values()) : (namespaces.get(namespace)?.values() ?? []);
  }

  apply({ key, object }: Pick<Change, "key" | "object">): void {
    const namespaces = this.#resources.get(key.resource) ?? new SortedMap<SortedMap<KubeObject>>();
    const names = namespaces.get(key.namespace) ?? new SortedMap<KubeObject>();
    if (object === undefined) names.delete(key.name);
    else names.set(key.name, object);
    if (names.size === 0) namespaces.delete(key.namespace);
    else namespaces.set(key.namespace, names);
    this.#resources.set(key.resource, namespaces);
  }
}

/** Collects writes over a reader; the reader is left as it is. */
export class Draft implements Transaction {
  readonly changes: Change[] = [];
  revision: number;
  readonly #below: LogReader;
  readonly #newest = new Map<string, Change>();

  constructor(below: LogReader, revision: number) {
    this.#below = below;
    this.revision = revision;
  }

  get(key: LogKey): KubeObject | undefined {
    const change = this.#newest.get(flat(key));
    return change === undefined ? this.#below.get(key) : change.object;
  }

  list(resource: string, namespace?: string): readonly KubeObject[] {
    const made = this.changes.filter(({ key }) => key.resource === resource && (namespace === undefined || key.namespace === namespace));
    if (made.length === 0) return this.#below.list(resource, namespace);
    const state = new State();
    for (const object of this.#below.list(resource, namespace)) state.apply({ key: keyOf(resource, object), object });
    for (const change of made) state.apply(change);
    return state.list(resource, namespace);
  }

  put(key: LogKey, object: KubeObject): KubeObject {
    const revision = this.revision + 1;
    const stamped = freeze({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } });
    this.#add({ key, revision, object: stamped, previous: this.get(key) });
    return stamped;
  }

  remove(key: LogKey): void {
    const previous = this.get(key);
    if (previous !== undefined) this.#add({ key, revision: this.revision + 1, object: undefined, previous });
  }

  /** Takes over the writes of a draft that was made over this one. */
  absorb(draft: Draft): void {
    for (const change of draft.changes) this.#add(change);
  }

  #add(change: Change): void {
    this.changes.push(change);
    this.#newest.set(flat(change.key), change);
    this.revision = change.revision;
  }
}

export function keyOf(resource: string, { metadata }: KubeObject): LogKey {
  return { resource, namespace: metadata.namespace ?? "", name: metadata.name };
}

function flat({ resource, namespace, name }: LogKey): string {
  return `${resource}/${namespace}/${name}`;
}

/** Objects of the log are shared by all readers, so nobody may change them. Parts already frozen are shared with an older object and done. */
export function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
  return value;
}
