/** The Targets cell of an autoscaler: for each metric what it is now and what it should be, as `kubectl get hpa` shows it. */
import type { KubeObject } from "../../cluster.ts";

interface Value {
  readonly value?: string;
  readonly averageValue?: string;
  readonly averageUtilization?: number;
}

interface Current {
  readonly current?: Value;
}

interface Metric {
  readonly type: string;
  readonly resource?: { readonly name: string; readonly target: Value };
  readonly containerResource?: { readonly name: string; readonly target: Value };
  readonly pods?: { readonly target: Value };
  readonly object?: { readonly target: Value };
  readonly external?: { readonly target: Value };
}

type MetricStatus = Readonly<Partial<Record<"resource" | "containerResource" | "pods" | "object" | "external", Current>>>;

const UNKNOWN = "<unknown>";
/** Metrics shown before "more". */
const SHOWN = 2;

export function metricTargets({ spec, status }: KubeObject): string {
  const metrics: readonly Metric[] = spec.metrics ?? [];
  const all = metrics.map((metric, index) => target(metric, status?.currentMetrics?.[index]));
  if (all.length === 0) return "<none>";
  const hidden = all.length - SHOWN;
  return all.slice(0, SHOWN).join(", ") + (hidden > 0 ? ` + ${hidden} more...` : "");
}

function target({ type, resource, containerResource, pods, object, external }: Metric, status: MetricStatus | undefined): string {
  if (type === "Resource" && resource !== undefined) return `${resource.name}: ${resourceTarget(resource.target, status?.resource?.current)}`;
  if (type === "ContainerResource" && containerResource !== undefined)
    return `${containerResource.name}: ${resourceTarget(containerResource.target, status?.containerResource?.current)}`;
  if (type === "Pods" && pods !== undefined) return `${status?.pods?.current?.averageValue ?? UNKNOWN}/${pods.target.averageValue}`;
  if (type === "Object" && object !== undefined) return valueTarget(object.target, status?.object?.current);
  if (type === "External" && external !== undefined) return valueTarget(external.target, status?.external?.current);
  return "<unknown type>";
}

function resourceTarget({ averageValue, averageUtilization }: Value, current: Value | undefined): string {
  if (averageValue !== undefined) return `${current?.averageValue ?? UNKNOWN}/${averageValue}`;
  const used = current?.averageUtilization;
  return `${used === undefined ? UNKNOWN : `${used}%`}/${averageUtilization}%`;
}

function valueTarget({ averageValue, value }: Value, current: Value | undefined): string {
  return averageValue === undefined ? `${current?.value ?? UNKNOWN}/${value}` : `${current?.averageValue ?? UNKNOWN}/${averageValue} (avg)`;
}
