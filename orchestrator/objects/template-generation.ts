/** A DaemonSet's templates are counted in an annotation, which its pods repeat in a label: older clients tell revisions by it. */
import type { KubeObject } from "../cluster.ts";
import { equal } from "../schema/equal.ts";

const GENERATION = "deprecated.daemonset.template.generation";

/** Changes `set`. */
export function beginGenerations({ metadata }: any): void {
  metadata.annotations = { ...metadata.annotations, [GENERATION]: "1" };
}

/** Changes `next`: a writer may neither set the count nor drop it. */
export function countGenerations(current: KubeObject, { metadata, spec }: any): void {
  const before = templateGeneration(current) ?? "0";
  const generation = equal(current.spec.template, spec.template) ? before : String(Number(before) + 1);
  metadata.annotations = { ...metadata.annotations, [GENERATION]: generation };
}

export function templateGeneration({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[GENERATION];
}
