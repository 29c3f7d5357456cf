/** One stage: its base's ONBUILD triggers, then its instructions, folded into steps, history and configuration. */
import type { Image } from "../../store/store.ts";
import { placed } from "../errors.ts";
import { frame } from "../dockerfile/frame.ts";
import type { Dockerfile, Instruction, Warning } from "../dockerfile/instruction.ts";
import * as configs from "./config-instructions.ts";
import type { StagePlan, Step } from "./graph.ts";
import * as layers from "./layer-instructions.ts";
import { applyRun } from "./run-instruction.ts";
import { StageState, type StageBase, type StageScope } from "./stage-state.ts";
import type { Stage } from "./stages.ts";

export interface PlannedStage {
  readonly plan: StagePlan;
  readonly warnings: readonly Warning[];
}

/** `instructions` is the stage's own with the triggers before them. */
export function planStage(
  stage: Stage,
  instructions: readonly Instruction[],
  base: StageBase & { readonly image: Image | undefined },
  scope: StageScope,
  dockerfile: Dockerfile,
  isOnly: boolean,
): PlannedStage {
  const state = new StageState(scope, base);
  if (stage.base.kind === "scratch" || stage.base.kind === "context") state.config.WorkingDir ??= "/";
  if (stage.base.kind === "context") state.recordLayer(`FROM ${stage.base.name} # buildkit`);
  for (const instruction of instructions) {
    try {
      apply(state, instruction);
    } catch (error) {
      throw placed(error, () => frame(dockerfile, instruction.place));
    }
  }
  const name = stage.name ?? `stage-${stage.index}`;
  const total = state.steps.length + 1;
  const steps = state.steps.map((step, at): Step => ({ ...step, name: `[${isOnly ? "" : `${name} `}${at + 2}/${total}] ${state.labels[at] ?? ""}` }));
  const history = state.history.map(({ entry, step }) => ({ entry, step: step === undefined ? undefined : steps[step] }));
  const plan = {
    index: stage.index,
    name,
    base: stage.base,
    image: base.image,
    steps,
    history,
    config: state.executionConfig(),
    author: state.author,
    args: state.args,
    platform: stage.platform,
  };
  return { plan, warnings: state.warnings };
}

function apply(state: StageState, instruction: Instruction): void {
  switch (instruction.kind) {
    case "FROM":
      return;
    case "ARG":
      return configs.applyArg(state, instruction);
    case "ENV":
    case "LABEL":
      return configs.applyEnv(state, instruction);
    case "USER":
      return configs.applyUser(state, instruction);
    case "EXPOSE":
      return configs.applyExpose(state, instruction);
    case "VOLUME":
      return configs.applyVolume(state, instruction);
    case "STOPSIGNAL":
      return configs.applyStopSignal(state, instruction);
    case "SHELL":
      return configs.applyShell(state, instruction);
    case "MAINTAINER":
      return configs.applyMaintainer(state, instruction);
    case "CMD":
    case "ENTRYPOINT":
      return configs.applyCommand(state, instruction);
    case "HEALTHCHECK":
      return configs.applyHealthcheck(state, instruction);
    case "ONBUILD":
      return configs.applyOnbuild(state, instruction);
    case "WORKDIR":
      return layers.applyWorkdir(state, instruction);
    case "RUN":
      return applyRun(state, instruction);
    case "COPY":
    case "ADD":
      return layers.applyCopy(state, instruction);
  }
}
