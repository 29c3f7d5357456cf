/** Which steps a step uses the results of, as progress shows it: the one before in its stage, what the stage stands on, what it copies from. */
import type { BuildGraph, Origin, Step } from "../plan/graph.ts";
import type { Lineage } from "../progress.ts";

/** By which vertices are found. */
export function originKey(origin: Origin): string {
  if (origin.kind === "stage") return `stage ${origin.index}`;
  return origin.kind === "image" ? `image ${origin.reference}` : "";
}

export function lineageOf({ stages }: BuildGraph, step: Pick<Step, "stage">, origins: readonly Origin[]): Lineage {
  const own = `stage ${step.stage}`;
  return { as: own, after: [[own, ...foundation(stages, step.stage)], ...origins.map((origin) => keysOf(stages, origin))] };
}

function keysOf(stages: BuildGraph["stages"], origin: Origin): readonly string[] {
  return origin.kind === "stage" ? [originKey(origin), ...foundation(stages, origin.index)] : [originKey(origin)];
}

/** A stage without steps is what it stands on. */
function foundation(stages: BuildGraph["stages"], index: number): readonly string[] {
  const base = stages.find((stage) => stage.index === index)?.base;
  return base === undefined ? [] : keysOf(stages, base);
}
