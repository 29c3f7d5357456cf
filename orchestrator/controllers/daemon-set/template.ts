/** A DaemonSet's pod for one node: bound to it by affinity, so that the scheduler places it, and tolerant of the troubles that a daemon must outlast. Spec: Kubernetes documentation, "DaemonSet: Taints and tolerations". */
import type { Draft, KubeObject } from "../../cluster.ts";
import { templateGeneration } from "../../objects/template-generation.ts";
import type { Toleration } from "../../scheduler/taints.ts";
import { draftPod } from "../pod-template.ts";

/** Hash of the revision that a pod was made from. */
export const HASH_LABEL = "controller-revision-hash";

const GENERATION_LABEL = "pod-template-generation";
const NAME_FIELD = "metadata.name";
const TOLERATED: readonly (readonly [key: string, effect: string])[] = [
  ["not-ready", "NoExecute"],
  ["unreachable", "NoExecute"],
  ["disk-pressure", "NoSchedule"],
  ["memory-pressure", "NoSchedule"],
  ["pid-pressure", "NoSchedule"],
  ["unschedulable", "NoSchedule"],
];

export function draftDaemon(set: KubeObject, hash: string, node: string): Draft {
  const draft = draftPod(set, set.spec.template);
  const spec = draft["spec"] as PodSpec;
  const generation = templateGeneration(set);
  return {
    ...draft,
    metadata: {
      ...draft.metadata,
      labels: { ...draft.metadata.labels, [HASH_LABEL]: hash, ...(generation === undefined ? {} : { [GENERATION_LABEL]: generation }) },
    },
    spec: { ...spec, affinity: onNode(spec.affinity, node), tolerations: withTolerations(spec) },
  };
}

interface Term {
  readonly matchFields?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[];
}

interface Affinity {
  readonly nodeAffinity?: { readonly requiredDuringSchedulingIgnoredDuringExecution?: { readonly nodeSelectorTerms?: readonly Term[] } };
}

interface PodSpec {
  readonly affinity?: Affinity;
  readonly tolerations?: readonly Toleration[];
  readonly hostNetwork?: boolean;
}

function requiredTerms(affinity: Affinity | undefined): readonly Term[] {
  return affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
}

/** The node of a pod: where it runs, or where its affinity sends it. */
export function targetNode({ spec }: KubeObject): string | undefined {
  if (spec.nodeName) return spec.nodeName;
  return requiredTerms(spec.affinity)
    .flatMap(({ matchFields = [] }) => matchFields)
    .find(({ key, operator }) => key === NAME_FIELD && operator === "In")?.values?.[0];
}

/** Every required term of its own keeps what it says of labels. */
function onNode(affinity: Affinity | undefined, node: string): unknown {
  const matchFields = [{ key: NAME_FIELD, operator: "In", values: [node] }];
  const terms = requiredTerms(affinity);
  const nodeSelectorTerms = terms.length === 0 ? [{ matchFields }] : terms.map((term) => ({ ...term, matchFields }));
  return { ...affinity, nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
}

function withTolerations({ tolerations = [], hostNetwork }: PodSpec): unknown {
  const rows = hostNetwork === true ? [...TOLERATED, ["network-unavailable", "NoSchedule"] as const] : TOLERATED;
  const own: readonly Toleration[] = rows.map(([name, effect]) => ({ key: `node.kubernetes.io/${name}`, operator: "Exists", effect }));
  const isOwn = ({ key, operator, effect }: Toleration): boolean => own.some((one) => one.key === key && one.operator === operator && one.effect === effect);
  return [...tolerations.filter((toleration) => !isOwn(toleration)), ...own];
}
