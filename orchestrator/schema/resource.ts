/** What the API server knows about a kind. All kinds are rows of one table (resources.ts); nothing else lists them. */
import type { KubeObject, ObjectMeta, ResourceName } from "../cluster.ts";

export interface Resource {
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Name in the type data. */
  readonly type: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Has /status, so a write of the object leaves `status` as it is and the other way round. */
  readonly hasStatus: boolean;
  /** Counts changes of `spec` in `metadata.generation`. */
  readonly countsGeneration: boolean;
  /** Has /scale. */
  readonly scales: boolean;
  /** Subresources besides status and scale. */
  readonly subresources: readonly Subresource[];
  /** Field selectors besides `metadata.name` and `metadata.namespace`. */
  readonly selectable: readonly string[];
  readonly verbs: readonly Verb[];
  /** Users who delete it without saying so leave its dependents. */
  readonly orphansByDefault?: boolean;
  /** Absent when the object is kept in this version. */
  readonly conversion?: Conversion;
}

/** Between a version that is served and the one that is kept. */
export interface Conversion {
  readonly fromStored: (stored: KubeObject) => KubeObject;
  readonly toStored: (given: DecodedObject) => DecodedObject;
}

export type DecodedObject = Omit<KubeObject, "metadata"> & { readonly metadata: Partial<ObjectMeta> };

export const allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] as const;
export type Verb = (typeof allVerbs)[number];

export interface Subresource {
  readonly name: string;
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly verbs: readonly string[];
}

/** `pods`, `deployments.apps`. */
export function nameOf({ resource, group }: { readonly resource: string; readonly group: string }): ResourceName {
  return group === "" ? resource : `${resource}.${group}`;
}

/** `v1`, `apps/v1`. */
export function apiVersionOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === "" ? version : `${group}/${version}`;
}
