/** Cuts a Dockerfile at its FROMs and finds what every name points at. */
import type { Platform } from "../../store/oci.ts";
import { BuilderError, placed } from "../errors.ts";
import { frame } from "../dockerfile/frame.ts";
import type { Dockerfile, Instruction, InstructionOf } from "../dockerfile/instruction.ts";
import { substitute } from "../dockerfile/substitute.ts";
import { didYouMean, suggest } from "../dockerfile/suggest.ts";
import { globalArgs, type GlobalArgs } from "./arguments.ts";
import type { Origin } from "./graph.ts";
import { contextOrigin, type Contexts } from "./named-context.ts";
import { parsePlatform } from "./platform.ts";

export interface Stage {
  readonly index: number;
  readonly name: string | undefined;
  readonly from: InstructionOf<"FROM">;
  readonly base: Origin;
  readonly platform: Platform;
  readonly instructions: readonly Instruction[];
}

export interface StageOptions {
  readonly platform: Platform;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly automatic: ReadonlyMap<string, string>;
  /** Given by --build-context. */
  readonly contexts: Contexts;
  /** Seconds: of a context that came from elsewhere. */
  readonly contextTime?: number | undefined;
}

export interface Stages {
  readonly stages: readonly Stage[];
  readonly globals: GlobalArgs;
}

/** Each may stand on the one before: what follows them to the ground goes as deep. */
const MAX_STAGES = 1000;

export function splitStages(dockerfile: Dockerfile, options: StageOptions): Stages {
  const firstFrom = dockerfile.instructions.findIndex((instruction) => instruction.kind === "FROM");
  const heads = dockerfile.instructions.slice(0, firstFrom).filter((instruction) => instruction.kind === "ARG");
  const globals = globalArgs(heads, options.automatic, options.buildArgs, dockerfile.directives.escape, options.contextTime);
  const stages: Stage[] = [];
  const groups = groupByFrom(dockerfile.instructions.slice(firstFrom));
  if (groups.length > MAX_STAGES) {
    throw new BuilderError("DOCKERFILE_INVALID", `Cannot build ${dockerfile.file}: it has ${groups.length} stages, more than ${MAX_STAGES}`);
  }
  for (const group of groups) {
    try {
      stages.push(readStage(group, stages, globals, dockerfile, options));
    } catch (error) {
      throw placed(error, () => frame(dockerfile, group.from.place));
    }
  }
  return { stages, globals };
}

interface Group {
  readonly from: InstructionOf<"FROM">;
  readonly rest: Instruction[];
}

function groupByFrom(instructions: readonly Instruction[]): readonly Group[] {
  const groups: Group[] = [];
  for (const instruction of instructions) {
    if (instruction.kind === "FROM") groups.push({ from: instruction, rest: [] });
    else groups.at(-1)?.rest.push(instruction);
  }
  return groups;
}

function readStage(group: Group, before: readonly Stage[], globals: GlobalArgs, dockerfile: Dockerfile, options: StageOptions): Stage {
  const { escape } = dockerfile.directives;
  const expand = (word: string): string => substitute(word, globals.values, { escape }).text;
  const { from } = group;
  const wanted = from.platform === undefined ? undefined : expand(from.platform);
  if (wanted === "") throw new BuilderError("FLAG_INVALID", `Cannot use FROM --platform=${from.platform}: the value is empty`);
  const platform = wanted === undefined ? options.platform : parsePlatform(wanted);
  const image = expand(from.image);
  if (image === "") {
    throw new BuilderError(
      "DOCKERFILE_INVALID",
      `Cannot use FROM ${from.image}: base name is empty`,
      didYouMean(from.image.replace(/[${}]/g, ""), globals.declared),
    );
  }
  const stage = { index: before.length, name: from.name, from, platform };
  // A context of the stage's own name stands for the whole stage, whoever asks for it and however.
  const instead = from.name === undefined ? undefined : contextOrigin(options.contexts, from.name, platform);
  if (instead !== undefined) return { ...stage, base: instead, instructions: [] };
  return { ...stage, base: resolveBase(image, platform, before, options), instructions: group.rest };
}

function resolveBase(image: string, platform: Platform, before: readonly Stage[], options: StageOptions): Origin {
  const named = contextOrigin(options.contexts, image, platform);
  if (named !== undefined) return named;
  const stage = before.findLast((candidate) => candidate.name === image.toLowerCase());
  if (stage !== undefined) return { kind: "stage", index: stage.index };
  return image === "scratch" ? { kind: "scratch" } : imageOrigin(image, platform, before);
}

/** What `--from=name` means inside stage `at`: an earlier stage by name or number, a named context, or an image. */
export function resolveFrom(name: string, at: Stage, stages: readonly Stage[], contexts: Contexts): Origin {
  const named = contextOrigin(contexts, name, at.platform);
  if (named !== undefined) return named;
  const earlier = stages.slice(0, at.index);
  const stage = earlier.findLast((candidate) => candidate.name === name.toLowerCase()) ?? (/^\d+$/.test(name) ? earlier[Number(name)] : undefined);
  if (stage !== undefined) return { kind: "stage", index: stage.index };
  const later = stages.slice(at.index).find((candidate) => candidate.name === name.toLowerCase() || String(candidate.index) === name);
  if (later !== undefined) {
    throw new BuilderError("STAGE_CYCLE", `Cannot copy from stage ${name}: it is ${later.index === at.index ? "the stage itself" : "defined later"}`);
  }
  if (/^\d+$/.test(name)) throw new BuilderError("STAGE_UNKNOWN", `Cannot copy from stage ${name}: there are only ${at.index} stages before`);
  return imageOrigin(name, at.platform, earlier);
}

/** What is no stage is an image; should there be none of that name, a stage was meant perhaps. */
function imageOrigin(reference: string, platform: Platform, stages: readonly Stage[]): Origin {
  const near = suggest(
    reference,
    stages.flatMap(({ name }) => name ?? []),
  );
  return { kind: "image", reference, platform, ...(near === undefined ? {} : { nearStage: near }) };
}

/** The stage that --target names, by name (any case) or number; the last one when nothing is named. @throws {BuilderError} `STAGE_UNKNOWN` */
export function findTarget(stages: readonly Stage[], target: string | undefined): Stage {
  const wanted = target?.toLowerCase();
  const found =
    wanted === undefined || wanted === ""
      ? stages.at(-1)
      : (stages.findLast((stage) => stage.name === wanted) ?? (/^\d+$/.test(wanted) ? stages[Number(wanted)] : undefined));
  if (found !== undefined) return found;
  const names = stages.flatMap((stage) => stage.name ?? []);
  throw new BuilderError("STAGE_UNKNOWN", `Cannot build target ${target}: there is no such stage`, {
    hint: `The Dockerfile has ${names.length === 0 ? "no stage with a name" : names.join(", ")}`,
    ...didYouMean(target ?? "", names),
  });
}
