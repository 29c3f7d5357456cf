/** What rules look at: a Dockerfile as meant and as written, its stages, its arguments, and what planning it has shown. */
import { IgnoreRules } from "../context/ignore.ts";
import type { Dockerfile, InstructionOf, Keyword, Place, Warning } from "../dockerfile/instruction.ts";
import type { GlobalArgs } from "../plan/arguments.ts";
import type { StageImage } from "../plan/bases.ts";
import type { Written } from "./written.ts";

export type WrittenOf<Kind extends Keyword> = Written & { readonly instruction: InstructionOf<Kind> };

export interface WrittenStage {
  readonly index: number;
  readonly name: string | undefined;
  readonly from: WrittenOf<"FROM">;
  readonly body: readonly Written[];
  /** The stage that it stands on. */
  readonly parent: WrittenStage | undefined;
}

/** What only a plan can tell, for variables and base images have to be looked up. */
export interface PlanFacts {
  readonly undefinedVariables: readonly Warning[];
  /** Of the build's own context, expanded. */
  readonly copies: readonly { readonly place: Place; readonly sources: readonly string[] }[];
  /** Base images that are here, by the index of the stage. */
  readonly bases: ReadonlyMap<number, StageImage>;
}

export interface Checked {
  readonly text: string;
  readonly dockerfile: Dockerfile;
  readonly written: readonly Written[];
  readonly stages: readonly WrittenStage[];
  /** As this build sets them, and as they are when nothing is given. */
  readonly globals: GlobalArgs;
  readonly defaults: GlobalArgs;
  readonly facts: PlanFacts;
  readonly ignore: IgnoreRules;
  readonly ignorePatterns: readonly string[];
}

export function isOf<Kind extends Keyword>(kind: Kind): (written: Written) => written is WrittenOf<Kind> {
  return (written): written is WrittenOf<Kind> => written.instruction.kind === kind;
}

/** The arguments before the first FROM belong to no stage. */
export function stagesOf(written: readonly Written[]): readonly WrittenStage[] {
  const stages: (WrittenStage & { readonly body: Written[] })[] = [];
  for (const one of written) {
    if (!isOf("FROM")(one)) {
      stages.at(-1)?.body.push(one);
      continue;
    }
    const parent = stages.findLast(({ name }) => name !== undefined && name === one.instruction.image.toLowerCase());
    stages.push({ index: stages.length, name: one.instruction.name, from: one, body: [], parent });
  }
  return stages;
}
