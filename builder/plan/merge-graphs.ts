/**
 * The graphs of several platforms as one. A stage that is the same for two of them, as those `FROM --platform=$BUILDPLATFORM` are,
 * is there once: what it stands on, its steps, its configuration and its platform decide. Names say the platform.
 */
import { formatPlatform } from "../../store/image/platform.ts";
import type { BuildGraph, Origin, StagePlan, Step } from "./graph.ts";

export interface MergedGraph {
  readonly graph: BuildGraph;
  /** The target of each of the graphs, in their order. */
  readonly targets: readonly number[];
}

export function mergeGraphs(graphs: readonly BuildGraph[]): MergedGraph {
  const stages: StagePlan[] = [];
  const known = new Map<string, number>();
  let nextStep = 0;
  const targets = graphs.map((graph) => {
    const indexes = new Map<number, number>();
    for (const stage of graph.stages) {
      const moved = moveOrigins(stage, indexes);
      const key = keyOf(moved);
      const index = known.get(key) ?? stages.length;
      indexes.set(stage.index, index);
      if (known.has(key)) continue;
      known.set(key, index);
      stages.push(renumber(moved, index, nextStep, graph.stages.length === 1));
      nextStep += moved.steps.length;
    }
    return indexes.get(graph.target) ?? 0;
  });
  return { graph: { stages, target: targets[0] ?? 0 }, targets };
}

/** The stage with every origin in it pointing into the merged graph. */
function moveOrigins(stage: StagePlan, indexes: ReadonlyMap<number, number>): StagePlan {
  const move = (origin: Origin): Origin => (origin.kind === "stage" ? { ...origin, index: indexes.get(origin.index) ?? origin.index } : origin);
  const steps = stage.steps.map((step): Step => {
    const { action } = step;
    if (action.kind === "copy") return { ...step, action: { ...action, origin: move(action.origin) } };
    if (action.kind !== "run") return step;
    return { ...step, action: { ...action, mounts: action.mounts.map((mount) => ("origin" in mount ? { ...mount, origin: move(mount.origin) } : mount)) } };
  });
  return { ...stage, base: move(stage.base), steps };
}

function keyOf({ name, base, steps, history, config, author, args, platform }: StagePlan): string {
  return JSON.stringify([
    name,
    base,
    steps.map(({ action, place }) => [action, place]),
    history.map(({ entry }) => entry),
    config,
    author,
    [...args],
    platform,
  ]);
}

function renumber(stage: StagePlan, index: number, firstStep: number, isOnly: boolean): StagePlan {
  const platform = formatPlatform(stage.platform);
  const steps = stage.steps.map((step, at): Step => ({ ...step, id: firstStep + at, stage: index, name: step.name.replace("[", `[${platform} `) }));
  const history = stage.history.map(({ entry, step }) => ({
    entry,
    step: step === undefined ? undefined : steps[stage.steps.findIndex(({ id }) => id === step.id)],
  }));
  return { ...stage, index, name: isOnly ? platform : `${platform} ${stage.name}`, steps, history };
}
