/**
 * planBuild: instructions → steps. Finds the stages that the target needs, asks for the images they stand on
 * (their configuration and ONBUILD triggers shape the plan) and plans each stage.
 */
import type { ImageConfig, Platform } from "../../store/oci.ts";
import type { Image } from "../../store/store.ts";
import { placed } from "../errors.ts";
import { frame } from "../dockerfile/frame.ts";
import type { Dockerfile, Instruction, Warning } from "../dockerfile/instruction.ts";
import { mountOrigin } from "../dockerfile/mount-fields.ts";
import { parseTrigger } from "../dockerfile/parse.ts";
import { EPOCH_ARG } from "../epoch.ts";
import { automaticArgs } from "./arguments.ts";
import type { BuildGraph, ImageOrigin, StagePlan } from "./graph.ts";
import { planStage } from "./plan-stage.ts";
import { unusedArguments } from "./unused-arguments.ts";
import type { Contexts } from "./named-context.ts";
import { findTarget, resolveFrom, splitStages, type Stage } from "./stages.ts";

export interface PlanOptions {
  readonly target: string | undefined;
  /** What the image is for, and what this machine is. */
  readonly platform: Platform;
  readonly machine: Platform;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly contexts: Contexts;
  /** Seconds: of a context that came from elsewhere. */
  readonly contextTime?: number | undefined;
  /** Entitlements: none unless given. */
  readonly allow?: ReadonlySet<string> | undefined;
  /** Opens the image of a FROM; nothing else is asked of the world. */
  readonly openImage: (origin: ImageOrigin) => Promise<Image>;
}

export interface PlannedBuild {
  readonly graph: BuildGraph;
  readonly warnings: readonly Warning[];
  /** SOURCE_DATE_EPOCH as an ARG before the first FROM has it, a build argument before its default. */
  readonly epoch: string | undefined;
}

/** @throws {BuilderError} `STAGE_UNKNOWN`, `STAGE_CYCLE`, `SUBSTITUTION_FAILED`, `DOCKERFILE_INVALID`… each with its place */
export async function planBuild(dockerfile: Dockerfile, options: PlanOptions): Promise<PlannedBuild> {
  const automatic = automaticArgs(options.platform, options.machine, options.target || (lastStageName(dockerfile) ?? "default"));
  const { stages, globals } = splitStages(dockerfile, { ...options, automatic });
  const target = findTarget(stages, options.target);
  const bases = await openBases(dockerfile, stages, target, options);
  const plans = new Map<number, StagePlan>();
  const warnings: Warning[] = [...dockerfile.warnings];
  let firstStep = 0;
  for (const stage of stages) {
    const base = bases.get(stage.index);
    if (base === undefined) continue; // not needed
    const parent = stage.base.kind === "stage" ? plans.get(stage.base.index) : undefined;
    const start =
      parent === undefined
        ? { config: base.image?.config.config ?? {}, author: base.image?.config.author, args: new Map<string, string | undefined>() }
        : parent;
    const scope = {
      globals,
      buildArgs: options.buildArgs,
      escape: dockerfile.directives.escape,
      allow: options.allow,
      from: (name: string) => resolveFrom(name, stage, stages, options.contexts),
      firstStep,
      stage: stage.index,
    };
    const planned = planStage(
      stage,
      base.instructions,
      { config: start.config, author: start.author, args: start.args, image: base.image },
      scope,
      dockerfile,
      stages.length === 1,
    );
    plans.set(stage.index, planned.plan);
    warnings.push(...planned.warnings);
    firstStep += planned.plan.steps.length;
  }
  const triggered = Array.from(bases.values(), ({ instructions }) => instructions).flat();
  warnings.push(...unusedArguments(options.buildArgs, automatic, [...dockerfile.instructions, ...triggered]));
  return { graph: { stages: [...plans.values()], target: target.index }, warnings, epoch: globals.values.get(EPOCH_ARG) };
}

function lastStageName({ instructions }: Dockerfile): string | undefined {
  return instructions.findLast((instruction) => instruction.kind === "FROM")?.name;
}

interface Base {
  readonly image: Image | undefined;
  /** The stage's own, with the triggers of its base before them. */
  readonly instructions: readonly Instruction[];
}

/** Walks back from the target; a stage that nothing leads to is never opened. */
async function openBases(dockerfile: Dockerfile, stages: readonly Stage[], target: Stage, options: PlanOptions): Promise<ReadonlyMap<number, Base>> {
  const bases = new Map<number, Base>();
  const open = async (stage: Stage): Promise<void> => {
    if (bases.has(stage.index)) return;
    const parent = stage.base.kind === "stage" ? stages[stage.base.index] : undefined;
    if (parent !== undefined) await open(parent);
    const { base } = stage;
    const image = base.kind === "image" ? await attempt(dockerfile, stage.from, async () => await options.openImage(base)) : undefined;
    const own = parent === undefined ? triggersOf(image?.config) : onbuildOf(parent);
    const instructions = [...own.map((trigger) => readTrigger(dockerfile, trigger, stage)), ...stage.instructions];
    bases.set(stage.index, { image, instructions });
    for (const instruction of instructions) {
      for (const name of fromNames(instruction)) {
        const origin = await attempt(dockerfile, instruction, () => Promise.resolve(resolveFrom(name, stage, stages, options.contexts)));
        const needed = origin.kind === "stage" ? stages[origin.index] : undefined;
        if (needed !== undefined) await open(needed);
      }
    }
  };
  await open(target);
  return bases;
}

function triggersOf(config: ImageConfig | undefined): readonly string[] {
  return config?.config?.OnBuild ?? [];
}

function onbuildOf(stage: Stage): readonly string[] {
  return stage.instructions.flatMap((instruction) => (instruction.kind === "ONBUILD" ? [instruction.trigger] : []));
}

function readTrigger(dockerfile: Dockerfile, trigger: string, stage: Stage): Instruction {
  try {
    return parseTrigger(trigger, stage.from.place);
  } catch (error) {
    throw placed(error, () => frame(dockerfile, stage.from.place));
  }
}

function fromNames(instruction: Instruction): readonly string[] {
  if (instruction.kind === "COPY") return instruction.from === undefined ? [] : [instruction.from];
  return instruction.kind === "RUN" ? instruction.mounts.flatMap((mount) => mountOrigin(mount) || []) : [];
}

async function attempt<Value>(dockerfile: Dockerfile, instruction: Instruction, action: () => Promise<Value>): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    throw placed(error, () => frame(dockerfile, instruction.place));
  }
}
