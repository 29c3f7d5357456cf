/** Who a pod of a StatefulSet is: its ordinal, and the names that follow from it. Spec: Kubernetes documentation, "StatefulSets: Pod Identity". */
import type { Draft, KubeObject } from "../../cluster.ts";
import { draftPod, type PodTemplate } from "../pod-template.ts";
import { claimVolumes } from "./claims.ts";

/** Name of the revision that a pod was made from. */
export const REVISION_LABEL = "controller-revision-hash";
const NAME_LABEL = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL = "apps.kubernetes.io/pod-index";

/** A template under the name of its ControllerRevision. */
export interface Revision {
  readonly name: string;
  readonly template: PodTemplate;
}

/** Ordinals that the set wants, lowest first. */
export function wantedOrdinals({ spec }: KubeObject): readonly number[] {
  return Array.from({ length: spec.replicas ?? 1 }, (_, index) => startOf(spec) + index);
}

export function startOf(spec: { readonly ordinals?: { readonly start?: number } }): number {
  return spec.ordinals?.start ?? 0;
}

export function podName(set: KubeObject, ordinal: number): string {
  return `${set.metadata.name}-${ordinal}`;
}

/** Undefined for a name that the set does not give. */
export function ordinalOf(set: KubeObject, { metadata }: KubeObject): number | undefined {
  const [, parent, ordinal] = /^(.*)-(0|[1-9]\d*)$/.exec(metadata.name) ?? [];
  return parent === set.metadata.name ? Number(ordinal) : undefined;
}

export function revisionOf({ metadata }: KubeObject): string | undefined {
  return metadata.labels?.[REVISION_LABEL];
}

export function draftMember(set: KubeObject, revision: Revision, ordinal: number): Draft {
  const draft = draftPod(set, revision.template);
  const name = podName(set, ordinal);
  const spec = draft["spec"] as { readonly volumes?: Parameters<typeof claimVolumes>[2] };
  return {
    ...draft,
    metadata: { ...draft.metadata, name, labels: { ...draft.metadata.labels, ...identityLabels(name, ordinal), [REVISION_LABEL]: revision.name } },
    spec: {
      ...spec,
      hostname: name,
      ...(set.spec.serviceName ? { subdomain: set.spec.serviceName } : {}),
      volumes: claimVolumes(set, ordinal, spec.volumes ?? []),
    },
  };
}

/** With the labels that its name gives it; the same object when it has them. */
export function withIdentity(pod: KubeObject, ordinal: number): KubeObject {
  const wanted = identityLabels(pod.metadata.name, ordinal);
  const held = pod.metadata.labels ?? {};
  if (held[NAME_LABEL] === wanted[NAME_LABEL] && held[INDEX_LABEL] === wanted[INDEX_LABEL]) return pod;
  return { ...pod, metadata: { ...pod.metadata, labels: { ...held, ...wanted } } };
}

function identityLabels(name: string, ordinal: number): Readonly<Record<string, string>> {
  return { [NAME_LABEL]: name, [INDEX_LABEL]: String(ordinal) };
}
