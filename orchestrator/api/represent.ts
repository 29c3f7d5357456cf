/** Objects in the form that the client asked for. */
import type { KubeObject } from "../cluster.ts";
import { apiVersionOf, type Resource } from "../schema/resource.ts";
import { columnsOf } from "./table/columns.ts";
import type { Representation } from "./negotiate.ts";

export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export function represent(resource: Resource, object: KubeObject, { as, include }: Representation, now: Date): unknown {
  if (as === "Table") return table(resource, [object], { resourceVersion: object.metadata.resourceVersion }, include, now);
  return as === "PartialObjectMetadata" ? partial(object) : served(resource, object);
}

export function representList(resource: Resource, items: readonly KubeObject[], metadata: ListMetadata, { as, include }: Representation, now: Date): unknown {
  if (as === "Table") return table(resource, items, metadata, include, now);
  if (as === "PartialObjectMetadataList") return { kind: as, apiVersion: "meta.k8s.io/v1", metadata, items: items.map(partial) };
  return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata, items: items.map((item) => served(resource, item)) };
}

/** In the version that was asked for. */
export function served({ conversion }: Resource, object: KubeObject): KubeObject {
  return conversion === undefined ? object : conversion.fromStored(object);
}

function partial({ metadata }: KubeObject): unknown {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
}

function table(resource: Resource, items: readonly KubeObject[], metadata: ListMetadata, include: Representation["include"], now: Date): unknown {
  const columns = columnsOf(resource);
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: columns.map(({ name, type = "string", format = "", description = "", priority = 0 }) => ({ name, type, format, description, priority })),
    rows: items.map((object) => ({
      cells: columns.map(({ cell }) => cell(object, now)),
      ...(include !== "None" && { object: include === "Object" ? served(resource, object) : partial(object) }),
    })),
  };
}
