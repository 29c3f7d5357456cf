/** The Scale view of an object that has replicas. Spec: autoscaling/v1 Scale. */
import type { KubeObject } from "../cluster.ts";
import { badRequest } from "../errors.ts";
import { isRecord } from "../schema/decode.ts";
import { invalid, invalidObject } from "../schema/field-error.ts";
import { formatSelector } from "../schema/selector.ts";
import type { Resource } from "../schema/resource.ts";

export function toScale({ kind }: Pick<Resource, "kind">, { metadata, spec, status }: KubeObject): Record<string, any> {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const selector = kind === "ReplicationController" ? { matchLabels: spec.selector } : spec.selector;
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0, selector: selector === undefined ? "" : formatSelector(selector) },
  };
}

/** The object with what the Scale says. @throws {ApiError} `BadRequest` */
export function fromScale(current: KubeObject, scale: unknown): KubeObject {
  if (!isRecord(scale)) throw badRequest("no Scale was sent in the body of the request");
  const { spec = {}, metadata = {} } = scale as {
    readonly spec?: { readonly replicas?: unknown };
    readonly metadata?: { readonly resourceVersion?: string; readonly uid?: string };
  };
  const replicas = spec.replicas ?? 0;
  if (typeof replicas === "number" && replicas < 0)
    throw invalidObject({ kind: "Scale", group: "autoscaling" }, current.metadata.name, [
      invalid("spec.replicas", replicas, "must be greater than or equal to 0"),
    ]);
  if (typeof replicas !== "number") throw badRequest(`json: cannot unmarshal ${typeof replicas} into Go struct field ScaleSpec.spec.replicas of type int32`);
  const { resourceVersion = current.metadata.resourceVersion, uid = current.metadata.uid } = metadata;
  return { ...current, metadata: { ...current.metadata, resourceVersion, uid }, spec: { ...current.spec, replicas } };
}
