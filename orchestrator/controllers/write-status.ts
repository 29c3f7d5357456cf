/** Writes a status unless it says what is there already. */
import { isDeepStrictEqual } from "node:util";
import type { Cluster, KubeObject, ResourceName } from "../cluster.ts";
import { keyOf } from "./controller.ts";

export async function writeStatus(cluster: Cluster, resource: ResourceName, object: KubeObject, status: object): Promise<void> {
  const change = (current: KubeObject): KubeObject => (isDeepStrictEqual(status, current.status) ? current : { ...current, status });
  await cluster.modify(resource, keyOf(object), change, { status: true });
}
