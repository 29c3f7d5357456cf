/** What one object takes of a quota. Decides, and does nothing. Spec: Kubernetes documentation, "Resource Quotas". */
import type { KubeObject, ResourceName } from "../../cluster.ts";
import { parseQuantity } from "../../schema/quantity.ts";
import { count, plus, podAmounts, type Amounts } from "./amounts.ts";

/** Counted under their plain name too. */
const plainlyCounted: ReadonlySet<ResourceName> = new Set([
  "pods",
  "services",
  "persistentvolumeclaims",
  "configmaps",
  "secrets",
  "replicationcontrollers",
  "resourcequotas",
]);

export function usageOf(resource: ResourceName, object: KubeObject): Amounts {
  if (resource === "pods" && isOver(object)) return { "count/pods": count(1) };
  const one = { [`count/${resource}`]: count(1), ...(plainlyCounted.has(resource) && { [resource]: count(1) }) };
  return plus(one, special[resource]?.(object) ?? {});
}

function isOver({ status }: KubeObject): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

const special: Readonly<Record<ResourceName, (object: KubeObject) => Amounts>> = {
  pods: ({ spec }) => {
    const requests = podAmounts(spec, "requests");
    const limits = podAmounts(spec, "limits");
    return { ...requests, ...prefixed("requests.", requests), ...prefixed("limits.", limits) };
  },
  services: ({ spec }) => ({
    ...(spec.type === "LoadBalancer" && { "services.loadbalancers": count(1) }),
    "services.nodeports": count(
      spec.type === "NodePort" || spec.type === "LoadBalancer" ? (spec.ports ?? []).filter(({ nodePort }: any) => nodePort > 0).length : 0,
    ),
  }),
  persistentvolumeclaims: ({ spec }) => {
    const storage = parseQuantity(spec.resources?.requests?.storage ?? 0) ?? count(0);
    const byClass = `${spec.storageClassName ?? ""}.storageclass.storage.k8s.io/`;
    const own = { "requests.storage": storage };
    return spec.storageClassName === undefined ? own : { ...own, [`${byClass}requests.storage`]: storage, [`${byClass}persistentvolumeclaims`]: count(1) };
  },
};

function prefixed(prefix: string, amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).map(([name, quantity]) => [`${prefix}${name}`, quantity]));
}
