/** The pods that a workload makes. Pure. */
import { containerLines } from "./containers.ts";
import { NO_LOOKUP } from "./environment.ts";
import { annotationLines, indented, type Labels, labelLines } from "./fields.ts";
import { placementLines } from "./placement.ts";
import type { PodSpec } from "./pod-types.ts";
import { volumeLines } from "./volumes.ts";

export interface Template {
  readonly metadata?: { readonly labels?: Labels; readonly annotations?: Labels };
  readonly spec: PodSpec;
}

export function templateLines({ metadata = {}, spec }: Template): readonly string[] {
  const options = { lookup: NO_LOOKUP, space: "  " } as const;
  const head = [
    ...labelLines("Labels", metadata.labels),
    ...(Object.keys(metadata.annotations ?? {}).length > 0 ? annotationLines("Annotations", metadata.annotations) : []),
    ...(spec.serviceAccountName === undefined ? [] : [`Service Account:\t${spec.serviceAccountName}`]),
  ];
  return [
    "Pod Template:",
    ...indented(head, "  "),
    ...containerLines("Init Containers", spec.initContainers ?? [], options),
    ...containerLines("Containers", spec.containers, options),
    ...volumeLines(spec.volumes ?? [], "  "),
    ...(spec.priorityClassName === undefined ? [] : [`  Priority Class Name:\t${spec.priorityClassName}`]),
    ...indented(placementLines(spec), "  "),
  ];
}
