/** What planning every stage shows: variables that nobody set, base images, what is copied. A base image that is not here leaves its stage out. */
import type { Image } from "../../store/store.ts";
import { BuilderError } from "../errors.ts";
import type { Dockerfile, InstructionOf, Warning } from "../dockerfile/instruction.ts";
import type { BuildGraph, ImageOrigin, StagePlan } from "../plan/graph.ts";
import { planBuild, type PlanOptions } from "../plan/plan.ts";
import type { PlanFacts } from "./checked.ts";

export interface Planned {
  readonly facts: PlanFacts;
  /** Why a build would fail. */
  readonly error: BuilderError | undefined;
}

/** `target` alone, and what it needs; all stages when it is undefined. */
export async function planFacts(dockerfile: Dockerfile, options: PlanOptions): Promise<Planned> {
  const missing = new Set<string>();
  const openImage = async (origin: ImageOrigin): Promise<Image> => {
    try {
      return await options.openImage(origin);
    } catch {
      missing.add(origin.reference);
      return emptyImage(origin);
    }
  };
  const froms = dockerfile.instructions.filter((instruction) => instruction.kind === "FROM");
  const stages = new Map<number, StagePlan>();
  const warnings = new Map<string, Warning>();
  let error: BuilderError | undefined;
  for (const index of options.target === undefined ? froms.keys() : [options.target]) {
    if (typeof index === "number" && stages.has(index)) continue;
    try {
      const { graph, warnings: found } = await planBuild(dockerfile, { ...options, openImage, target: String(index) });
      for (const warning of found) warnings.set(JSON.stringify(warning), warning);
      for (const stage of graph.stages) stages.set(stage.index, stage);
    } catch (thrown) {
      if (!(thrown instanceof BuilderError)) throw thrown;
      error ??= thrown;
    }
  }
  return { facts: readFacts({ stages, warnings: [...warnings.values()], missing, froms, images: options.openImage }, dockerfile), error };
}

interface Findings {
  readonly stages: ReadonlyMap<number, StagePlan>;
  readonly warnings: readonly Warning[];
  readonly missing: ReadonlySet<string>;
  readonly froms: readonly InstructionOf<"FROM">[];
  readonly images: PlanOptions["openImage"];
}

function readFacts({ stages, warnings, missing, froms }: Findings, dockerfile: Dockerfile): PlanFacts {
  const plans = [...stages.values()];
  const isKnown = (stage: StagePlan | undefined): boolean =>
    stage !== undefined &&
    (stage.base.kind === "stage" ? isKnown(stages.get(stage.base.index)) : stage.base.kind !== "image" || !missing.has(stage.base.reference));
  const known = plans.filter(isKnown).map(({ index }) => linesOf(index, froms, dockerfile));
  return {
    undefinedVariables: warnings.filter(
      ({ rule, place }) => rule === "UndefinedVar" && known.some(({ start, end }) => place.start >= start && place.start < end),
    ),
    copies: copiesOf({ stages: plans, target: 0 }),
    bases: new Map(
      plans.flatMap(({ index, base, image, platform }) =>
        base.kind === "image" && image !== undefined && !missing.has(base.reference) ? [[index, { image, reference: base.reference, platform }]] : [],
      ),
    ),
  };
}

function linesOf(index: number, froms: readonly InstructionOf<"FROM">[], { lines }: Dockerfile): { readonly start: number; readonly end: number } {
  return { start: froms[index]?.place.start ?? 0, end: froms[index + 1]?.place.start ?? lines.length + 1 };
}

function copiesOf({ stages }: BuildGraph): PlanFacts["copies"] {
  return stages.flatMap(({ steps }) =>
    steps.flatMap(({ action, place }) =>
      action.kind === "copy" && action.origin.kind === "context" && action.origin.name === undefined ? [{ place, sources: action.patterns }] : [],
    ),
  );
}

/** Stands in for one that is not here. */
function emptyImage({ platform }: ImageOrigin): Image {
  const descriptor = { mediaType: "", digest: "sha256:" as Image["id"], size: 0 };
  return {
    name: undefined,
    id: descriptor.digest,
    target: descriptor,
    descriptor,
    manifest: { schemaVersion: 2, config: descriptor, layers: [] },
    config: { ...platform, rootfs: { type: "layers", diff_ids: [] } },
    storedAt: 0,
    chain: undefined,
  };
}
