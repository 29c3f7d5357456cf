/** The scope of one stage's steps: its own platform, which in a build for several is not everyone's. */
import { formatPlatform } from "../../store/image/platform.ts";
import type { Platform } from "../../store/oci.ts";
import type { BuildGraph, StagePlan } from "../plan/graph.ts";
import type { SolveScope } from "./scope.ts";

export function stageScope(scope: SolveScope, graph: BuildGraph, index: number): SolveScope {
  const stage = graph.stages.find((candidate) => candidate.index === index);
  if (stage === undefined) return scope;
  return { ...scope, platform: formatPlatform(stage.platform), programs: programsOf(graph, stage) };
}

/** What the base image says it is for is what its programs are made for, whatever platform was asked for. */
function programsOf(graph: BuildGraph, stage: StagePlan): Platform {
  const { base, image, platform } = stage;
  const parent = base.kind === "stage" ? graph.stages.find((candidate) => candidate.index === base.index) : undefined;
  return parent === undefined ? (image?.config ?? platform) : programsOf(graph, parent);
}
