/** Names of stages, and what is said about them in comments. */
import type { Checked } from "../checked.ts";
import type { Finding } from "../finding.ts";
import type { Written } from "../written.ts";

const RESERVED = new Set(["scratch", "context"]);

export function duplicateStageName({ stages }: Checked): readonly Finding[] {
  return stages.flatMap(({ name, from, index }) =>
    name !== undefined && stages.some((other) => other.index < index && other.name === name)
      ? [
          {
            rule: "DuplicateStageName" as const,
            message: `Duplicate stage name ${JSON.stringify(name)}, stage names should be unique`,
            place: from.instruction.place,
            advice: "Give one of them another name: the last one wins",
            edits: [],
          },
        ]
      : [],
  );
}

export function reservedStageName({ stages }: Checked): readonly Finding[] {
  return stages.flatMap(({ name, from }) =>
    name !== undefined && RESERVED.has(name)
      ? [
          {
            rule: "ReservedStageName" as const,
            message: `Stage name should not use the same name as reserved stage ${JSON.stringify(name)}`,
            place: from.instruction.place,
            advice: "Give it another name",
            edits: [],
          },
        ]
      : [],
  );
}

/** Experimental. Only the last comment above is looked at. */
export function invalidDefinitionDescription({ written }: Checked): readonly Finding[] {
  return written.flatMap((one) => {
    const names = definedBy(one);
    const comment = one.comments.at(-1);
    const [first] = names;
    if (first === undefined || comment === undefined || names.includes(comment.split(" ", 1)[0] ?? "")) return [];
    const shown = names.length > 1 ? "<arg_key>" : first;
    const message = `Comment for ${one.instruction.kind} should follow the format: \`# ${shown} <description>\``;
    const advice = `Begin the comment with ${shown}, or put an empty comment under it`;
    return [{ rule: "InvalidDefinitionDescription", message, place: one.instruction.place, advice, edits: [] }];
  });
}

function definedBy({ instruction }: Written): readonly string[] {
  if (instruction.kind === "ARG") return instruction.args.map(({ name }) => name);
  return instruction.kind === "FROM" && instruction.name !== undefined ? [instruction.name] : [];
}
