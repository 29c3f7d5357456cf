/** The Targets cell of an autoscaler: for each metric what it is now and what it should be, as `kubectl get hpa` shows it. */
import type { KubeObject } from "../cluster.ts";

const UNKNOWN = "<unknown>";
/** Metrics shown before "more". */
const SHOWN = 2;

export function metricTargets({ spec, status }: KubeObject): string {
  const metrics: readonly any[] = spec.metrics ?? [];
  const all = metrics.map((metric, index) => target(metric, status?.currentMetrics?.[index]));
  if (all.length === 0) return "<none>";
  const hidden = all.length - SHOWN;
  return all.slice(0, SHOWN).join(", ") + (hidden > 0 ? ` + ${hidden} more...` : "");
}

function target(metric: any, status: any): string {
  switch (metric.type) {
    case "Resource":
      return `${metric.resource.name}: ${resourceTarget(metric.resource.target, status?.resource?.current)}`;
    case "ContainerResource":
      return `${metric.containerResource.name}: ${resourceTarget(metric.containerResource.target, status?.containerResource?.current)}`;
    case "Pods":
      return `${status?.pods?.current?.averageValue ?? UNKNOWN}/${metric.pods.target.averageValue}`;
    case "Object":
      return valueTarget(metric.object.target, status?.object?.current);
    case "External":
      return valueTarget(metric.external.target, status?.external?.current);
    default:
      return "<unknown type>";
  }
}

function resourceTarget({ averageValue, averageUtilization }: any, current: any): string {
  if (averageValue !== undefined) return `${current?.averageValue ?? UNKNOWN}/${averageValue}`;
  const used = current?.averageUtilization;
  return `${used === undefined ? UNKNOWN : `${used}%`}/${averageUtilization}%`;
}

function valueTarget({ averageValue, value }: any, current: any): string {
  return averageValue === undefined ? `${current?.value ?? UNKNOWN}/${value}` : `${current?.averageValue ?? UNKNOWN}/${averageValue} (avg)`;
}
