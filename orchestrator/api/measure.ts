/** Measurements of nodes and pods: made from what the node agent measures when they are asked for. Spec: metrics.k8s.io/v1beta1. */
import type { KubeObject, Measured, Usage, UsageSource } from "../cluster.ts";
import { ApiError, notFound } from "../errors.ts";
import { formatTime } from "../controllers/clock.ts";
import { formatQuantity } from "../schema/quantity.ts";
import { apiVersionOf, type Resource } from "../schema/resource.ts";
import { resourceNamed } from "../schema/resources.ts";
import type { Reply } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import type { Call } from "./call.ts";
import { negotiate } from "./negotiate.ts";
import { represent, representList } from "./represent.ts";
import { selectionOf } from "./selection.ts";

export function isMeasured({ group }: Pick<Resource, "group">): boolean {
  return group === "metrics.k8s.io";
}

/** Nodes and pods that are not measured yet are not there. @throws {ApiError} `NotFound`, `ServiceUnavailable` */
export function measure({ api, target, request }: Call): Reply {
  const { resource, namespace, name } = target;
  const { usage } = api;
  if (usage === undefined) throw new ApiError("ServiceUnavailable", "the server is currently unable to handle the request");
  const subject = resourceNamed(resource.resource);
  const selects = selectionOf({ resource: subject, name }, request.query);
  const found = api.log.list(resource.resource, namespace === "" ? undefined : namespace).filter(selects);
  const items = found.flatMap((object) => measured(resource, object, usage));
  const representation = negotiate(request.headers.accept, request.query);
  if (name === undefined) return json(200, representList(resource, items, { resourceVersion: "" }, representation, api.now()));
  const [item] = items;
  if (item === undefined) throw notFound({ resource: resource.kind.toLowerCase(), group: resource.group }, namespace === "" ? name : `${namespace}/${name}`);
  return json(200, represent(resource, item, representation, api.now()));
}

function measured(resource: Resource, object: KubeObject, usage: UsageSource): KubeObject[] {
  if (resource.kind === "NodeMetrics") {
    const found = usage.node(object.metadata.name);
    return found === undefined ? [] : [{ ...head(resource, object, found), usage: amounts(found.usage) }];
  }
  const found = object.status?.phase === "Running" ? usage.pod(object.metadata.uid) : undefined;
  if (found === undefined) return [];
  const containers = [...found.usage].map(([container, used]) => ({ name: container, usage: amounts(used) }));
  return [{ ...head(resource, object, found), containers }];
}

function head(resource: Resource, { metadata }: KubeObject, { at, window }: Measured<unknown>): KubeObject {
  const { name, namespace, labels } = metadata;
  const about = { name, ...(namespace !== undefined && { namespace }), creationTimestamp: formatTime(at), ...(labels !== undefined && { labels }) };
  return {
    kind: resource.kind,
    apiVersion: apiVersionOf(resource),
    metadata: about as KubeObject["metadata"],
    timestamp: formatTime(at),
    window: `${window / 1000}s`,
  };
}

function amounts({ cpu, memory }: Usage): Readonly<Record<string, string>> {
  return {
    cpu: formatQuantity({ nano: BigInt(cpu), format: "decimal" }),
    memory: formatQuantity({ nano: BigInt(memory) * 1_000_000_000n, format: "binary" }),
  };
}
