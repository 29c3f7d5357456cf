/** --build-arg of a name that nothing declares: most often a slip, so it is told. */
import type { Instruction, Warning } from "../dockerfile/instruction.ts";
import { suggest } from "../dockerfile/suggest.ts";
import { isPredefined } from "./arguments.ts";

/** `instructions` are all of the file, and the triggers that its bases brought. */
export function unusedArguments(
  buildArgs: ReadonlyMap<string, string>,
  automatic: ReadonlyMap<string, string>,
  instructions: readonly Instruction[],
): readonly Warning[] {
  if (buildArgs.size === 0) return [];
  const declared = new Set(instructions.flatMap((instruction) => (instruction.kind === "ARG" ? instruction.args.map(({ name }) => name) : [])));
  const unused = [...buildArgs.keys()].filter((name) => !declared.has(name) && !automatic.has(name) && !isPredefined(name));
  const place = instructions.find(({ kind }) => kind === "FROM")?.place ?? { start: 1, end: 1 };
  return unused.map((name) => {
    const near = suggest(name, declared);
    return {
      rule: "UnusedBuildArg",
      message: `Build argument '${name}' was not consumed: no ARG declares it${near === undefined ? "" : ` (did you mean ${near}?)`}`,
      place,
    };
  });
}
