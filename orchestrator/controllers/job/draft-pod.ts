/** A pod as a Job makes it: tracked until it is counted; of an Indexed Job with its index in name, hostname, label and environment. */
import type { Draft, KubeObject } from "../../cluster.ts";
import { draftPod } from "../pod-template.ts";
import { COMPLETION_INDEX, INDEX_FAILURES, INDEX_IGNORED_FAILURES, isIndexed, specOf, TRACKING } from "./job-spec.ts";
import type { Slot } from "./plan-pods.ts";

/** Longest base of a generated name. */
const MAX_BASE = 58;

const INDEX_VARIABLE = {
  name: "JOB_COMPLETION_INDEX",
  valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: `metadata.labels['${COMPLETION_INDEX}']` } },
};

export function draftJobPod(job: KubeObject, { index, failures }: Slot): Draft {
  const { template } = specOf(job);
  const draft = draftPod(job, { ...template, metadata: { ...template.metadata, finalizers: tracked(template.metadata?.finalizers ?? []) } });
  if (!isIndexed(specOf(job)) || index === undefined) return draft;
  const suffix = `-${index}-`;
  const counts = failures && {
    [INDEX_FAILURES]: String(failures.counted),
    ...(failures.ignored > 0 && { [INDEX_IGNORED_FAILURES]: String(failures.ignored) }),
  };
  const metadata = {
    ...draft.metadata,
    generateName: job.metadata.name.slice(0, MAX_BASE - suffix.length) + suffix,
    labels: { ...draft.metadata.labels, [COMPLETION_INDEX]: String(index) },
    annotations: { ...draft.metadata.annotations, [COMPLETION_INDEX]: String(index), ...counts },
  };
  return { ...draft, metadata, spec: withIndex(template.spec, `${job.metadata.name}-${index}`) };
}

function tracked(finalizers: readonly string[]): readonly string[] {
  return finalizers.includes(TRACKING) ? finalizers : [...finalizers, TRACKING];
}

interface Container {
  readonly env?: readonly { readonly name: string }[];
}

function withIndex(spec: unknown, hostname: string): unknown {
  const variables = (containers: readonly Container[]): readonly Container[] =>
    containers.map((container) =>
      (container.env ?? []).some(({ name }) => name === INDEX_VARIABLE.name) ? container : { ...container, env: [...(container.env ?? []), INDEX_VARIABLE] },
    );
  const { initContainers, containers } = spec as { readonly initContainers?: readonly Container[]; readonly containers: readonly Container[] };
  return {
    ...(spec as object),
    hostname,
    containers: variables(containers),
    ...(initContainers !== undefined && { initContainers: variables(initContainers) }),
  };
}
