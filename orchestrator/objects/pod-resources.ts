/** Quality of service of a pod, from what its containers request. Spec: "Pod Quality of Service Classes". */
import { compareQuantities } from "../schema/quantity.ts";

const counted = ["cpu", "memory"] as const;

export function qosClass(spec: any): "Guaranteed" | "Burstable" | "BestEffort" {
  const containers: any[] = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const resources = containers.map((container) => container.resources ?? {});
  if (resources.every(({ requests = {}, limits = {} }) => counted.every((name) => requests[name] === undefined && limits[name] === undefined)))
    return "BestEffort";
  const guaranteed = resources.every(({ requests = {}, limits = {} }) =>
    counted.every((name) => limits[name] !== undefined && compareQuantities(requests[name] ?? limits[name], limits[name]) === 0),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}
