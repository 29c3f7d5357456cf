/** Which stages, and whether the context, are to be looked through besides the image. Spec: BuildKit, docs/attestations/sbom.md, "Dockerfile configuration". */
import type { Dockerfile, InstructionOf } from "../dockerfile/instruction.ts";

export interface ScanTargets {
  /** As the plan names them: `build`, `stage-1`. */
  readonly stages: readonly string[];
  readonly context: boolean;
}

const ARGS = { stage: "BUILDKIT_SBOM_SCAN_STAGE", context: "BUILDKIT_SBOM_SCAN_CONTEXT" } as const;
const TRUE = /^(?:1|t|true)$/i;

/** A build argument only overrides an ARG that is there. `below`: names of the stages that the target needs; the target itself is always looked through. */
export function scanTargets(dockerfile: Dockerfile, buildArgs: ReadonlyMap<string, string>, below: readonly string[], target: string | undefined): ScanTargets {
  const { instructions } = dockerfile;
  const firstFrom = instructions.findIndex(({ kind }) => kind === "FROM");
  const heads = instructions.slice(0, firstFrom);
  const all = groups(instructions.slice(firstFrom)).map(([from, ...rest], index) => ({ name: nameOf(from) ?? `stage-${index}`, index, rest }));
  const last = target === undefined ? all.at(-1) : all.findLast(({ name, index }) => name === target.toLowerCase() || String(index) === target);
  const wants = (arg: string, { name, rest }: (typeof all)[number]): boolean =>
    isEnabled(name, valueOf(arg, rest, buildArgs) ?? valueOf(arg, heads, buildArgs));
  const needed = all.filter((stage) => stage !== last && below.includes(stage.name));
  return {
    stages: needed.filter((stage) => wants(ARGS.stage, stage)).map(({ name }) => name),
    context: [...needed, ...(last === undefined ? [] : [last])].some((stage) => wants(ARGS.context, stage)),
  };
}

function nameOf(from: Dockerfile["instructions"][number] | undefined): string | undefined {
  return from?.kind === "FROM" ? from.name : undefined;
}

type Instructions = Dockerfile["instructions"];

function groups(instructions: Instructions): readonly Instructions[] {
  const starts = instructions.flatMap(({ kind }, at) => (kind === "FROM" ? [at] : []));
  return starts.map((start, at) => instructions.slice(start, starts[at + 1]));
}

/** Undefined: not declared there. */
function valueOf(name: string, instructions: Instructions, buildArgs: ReadonlyMap<string, string>): string | undefined {
  const declared = instructions
    .filter((instruction): instruction is InstructionOf<"ARG"> => instruction.kind === "ARG")
    .flatMap(({ args }) => args)
    .findLast((arg) => arg.name === name);
  return declared === undefined ? undefined : (buildArgs.get(name) ?? declared.value ?? "");
}

function isEnabled(stage: string, value: string | undefined): boolean {
  return value !== undefined && (TRUE.test(value) || value.split(",").includes(stage));
}
