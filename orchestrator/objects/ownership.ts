/** Keeps `metadata.managedFields`: which manager set which field, so that server-side apply can tell conflicts. */
import { formatManagers, parseManagers, type Manager } from "../apply/managers.ts";
import { trackUpdate } from "../apply/track.ts";
import type { KubeObject } from "../cluster.ts";
import { apiVersionOf } from "../schema/resource.ts";
import type { WriteRequest } from "./request.ts";

/**
 * The owners after this write. `after` is what the writer said, with defaults, before the cluster added to it.
 * The control plane's own objects have no owners recorded: nobody applies them, and recording would double the cost of every status.
 */
export function trackWrite(
  { resource, writer, now }: WriteRequest,
  before: KubeObject | undefined,
  after: KubeObject,
  subresource?: string,
): readonly Manager[] {
  const managers = parseManagers(after.metadata.managedFields);
  if (writer.internal && managers.length === 0) return [];
  const update = { type: resource.type, before, after, manager: writer.manager, apiVersion: apiVersionOf(resource), subresource, now };
  return trackUpdate(managers, update);
}

export function withManagers(object: KubeObject, managers: readonly Manager[]): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  const entries = formatManagers(managers);
  return { ...object, metadata: { ...metadata, ...(entries !== undefined && { managedFields: entries }) } };
}
