/** Reads which resource, object and subresource a path means. Spec: Kubernetes API concepts, "Resource URIs". */
import { resourceAt } from "../schema/resources.ts";
import type { Resource } from "../schema/resource.ts";

export interface Target {
  readonly resource: Resource;
  /** Empty for cluster scope, and for a list over all namespaces. */
  readonly namespace: string;
  /** Undefined for a collection. */
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** `/api/v1/watch/…`: the old form of `?watch=true`. */
  readonly watch: boolean;
}

/** Undefined when the path is of no resource in the table. */
export function parseTarget(path: string): Target | undefined {
  const [root, ...parts] = path
    .split("/")
    .filter((part) => part !== "")
    .map(decode);
  const apiVersion = root === "api" ? parts.shift() : root === "apis" ? parts.splice(0, 2).join("/") : undefined;
  if (apiVersion === undefined) return undefined;
  const watch = parts[0] === "watch";
  if (watch) parts.shift();
  const nested = parts[0] === "namespaces" && parts.length > 2 && resourceAt(apiVersion, parts[2]!)?.namespaced === true;
  const [namespace, [plural = "", name, subresource, ...more]] = nested ? [parts[1]!, parts.slice(2)] : ["", parts];
  const resource = resourceAt(apiVersion, plural);
  if (resource === undefined || more.length > 0) return undefined;
  if (resource.namespaced && !nested && name !== undefined) return undefined;
  return { resource, namespace, name, subresource, watch };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
