/** HorizontalPodAutoscaler is kept as autoscaling/v2; autoscaling/v1 is another way of saying it. */
import type { Conversion } from "./resource.ts";

const METRICS_ANNOTATION = "autoscaling.alpha.kubernetes.io/metrics";

function isCpu(metric: any): boolean {
  return metric.type === "Resource" && metric.resource?.name === "cpu" && metric.resource.target?.type === "Utilization";
}

/** What v1 cannot say travels in an annotation. */
export const autoscalingV1: Conversion = {
  fromStored: (stored) => {
    const { metrics = [], behavior: _, ...spec } = stored.spec ?? {};
    const cpu = metrics.find(isCpu);
    const others = metrics.filter((metric: any) => metric !== cpu);
    const { currentMetrics = [], conditions: __, ...status } = stored.status ?? {};
    const usage = currentMetrics.find((metric: any) => metric.resource?.name === "cpu")?.resource?.current?.averageUtilization;
    const annotations = others.length === 0 ? stored.metadata.annotations : { ...stored.metadata.annotations, [METRICS_ANNOTATION]: JSON.stringify(others) };
    return {
      ...stored,
      apiVersion: "autoscaling/v1",
      metadata: { ...stored.metadata, ...(annotations && { annotations }) },
      spec: { ...spec, ...(cpu && { targetCPUUtilizationPercentage: cpu.resource.target.averageUtilization }) },
      status: { currentReplicas: 0, desiredReplicas: 0, ...status, ...(usage !== undefined && { currentCPUUtilizationPercentage: usage }) },
    };
  },
  toStored: (given) => {
    const { targetCPUUtilizationPercentage: percentage, ...spec } = given["spec"] ?? {};
    const { [METRICS_ANNOTATION]: others, ...annotations } = (given.metadata?.annotations ?? {}) as Record<string, string>;
    const cpu =
      percentage === undefined ? [] : [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: percentage } } }];
    const metrics = [...(others === undefined ? [] : (JSON.parse(others) as unknown[])), ...cpu];
    const { currentCPUUtilizationPercentage: _, ...status } = given["status"] ?? {};
    return {
      ...given,
      apiVersion: "autoscaling/v2",
      metadata: { ...given.metadata, annotations },
      spec: { ...spec, ...(metrics.length > 0 && { metrics }) },
      status: { desiredReplicas: 0, ...status },
    };
  },
};
