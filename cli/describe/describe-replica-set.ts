/** A ReplicaSet, with what its pods are doing. Pure. */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { formatSelector } from "../../orchestrator/schema/selector.ts";
import { conditionLines } from "./describe-deployment.ts";
import { annotationLines, controllerLines, labelLines } from "./fields.ts";
import { templateLines } from "./template.ts";

export function describeReplicaSet(set: KubeObject, pods: readonly KubeObject[]): readonly string[] {
  const { metadata, spec, status = {} } = set;
  const own = pods.filter((pod) => pod.metadata.ownerReferences?.some(({ uid, controller }) => controller === true && uid === metadata.uid) === true);
  const counts = [
    ["Running", "Running"],
    ["Pending", "Waiting"],
    ["Succeeded", "Succeeded"],
    ["Failed", "Failed"],
  ].map(([phase, title]) => `${own.filter((pod) => pod.status?.phase === phase).length} ${title}`);
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    `Selector:\t${formatSelector(spec.selector)}`,
    ...labelLines("Labels", metadata.labels),
    ...annotationLines("Annotations", metadata.annotations),
    ...controllerLines(set),
    `Replicas:\t${status.replicas ?? 0} current / ${spec.replicas} desired`,
    `Pods Status:\t${counts.join(" / ")}`,
    ...templateLines(spec.template),
    ...conditionLines(status.conditions ?? []),
  ];
}
