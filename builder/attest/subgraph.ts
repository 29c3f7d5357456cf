/** The part of a build that one image came from. Pure. */
import type { BuildGraph, ImageOrigin, Origin, StagePlan } from "../plan/graph.ts";
import { originsOf } from "../solve/solve.ts";

export interface Subgraph extends BuildGraph {
  /** What its stages stand on and copy from; each once. */
  readonly images: readonly ImageOrigin[];
}

export function subgraph(graph: BuildGraph, target: number): Subgraph {
  const needed = new Set<number>();
  const images = new Map<string, ImageOrigin>();
  const visit = (origin: Origin): void => {
    if (origin.kind === "image") images.set(JSON.stringify(origin), origin);
    if (origin.kind !== "stage" || needed.has(origin.index)) return;
    needed.add(origin.index);
    const stage = graph.stages.find(({ index }) => index === origin.index);
    if (stage !== undefined) readBy(stage).forEach(visit);
  };
  visit({ kind: "stage", index: target });
  return { stages: graph.stages.filter(({ index }) => needed.has(index)), target, images: [...images.values()] };
}

function readBy({ base, steps }: StagePlan): readonly Origin[] {
  return [base, ...steps.flatMap(({ action }) => originsOf(action))];
}
