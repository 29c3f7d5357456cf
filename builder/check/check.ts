/**
 * Build checks: what is allowed but unwise. Words as they are written (their case, their places) come from dockerfile-ast,
 * which keeps exact source; meaning comes from our own parser. Spec: Dockerfile reference, "Build checks".
 */
import { DockerfileParser, type Instruction as AstInstruction } from "dockerfile-ast";
import type { Dockerfile, Instruction, Place, Warning } from "../dockerfile/instruction.ts";
import { parseDockerfile } from "../dockerfile/parse.ts";

type Rule = (dockerfile: Dockerfile, written: readonly AstInstruction[]) => readonly Warning[];

const RULES: readonly Rule[] = [
  consistentCasing,
  stageNameCasing,
  fromAsCasing,
  duplicateStages,
  reservedStages,
  deprecated,
  jsonArguments,
  relativeWorkdirs,
  repeatedCommands,
  legacyPairs,
  secrets,
];

/** Skips what the `check=skip=A,B` directive names. @throws {BuilderError} as parseDockerfile */
export function checkDockerfile(text: string, file: string): readonly Warning[] {
  const dockerfile = parseDockerfile(text, file);
  const written = DockerfileParser.parse(text).getInstructions();
  const skipped = skippedRules(dockerfile.directives.check);
  const warnings = [...dockerfile.warnings, ...RULES.flatMap((rule) => rule(dockerfile, written))];
  return warnings.filter(({ rule }) => !skipped.has(rule.toLowerCase()) && !skipped.has("all")).sort((a, b) => a.place.start - b.place.start);
}

function skippedRules(directive: string | undefined): ReadonlySet<string> {
  const skip = directive
    ?.split(";")
    .map((part) => part.trim())
    .find((part) => part.startsWith("skip="));
  return new Set(
    skip
      ?.slice("skip=".length)
      .split(",")
      .map((name) => name.trim().toLowerCase()),
  );
}

function placeOf(instruction: AstInstruction): Place {
  const { start, end } = instruction.getRange();
  return { start: start.line + 1, end: end.line + 1 };
}

function consistentCasing(_: Dockerfile, written: readonly AstInstruction[]): readonly Warning[] {
  const isLower = (word: string): boolean => word === word.toLowerCase();
  const lower = written.filter((instruction) => isLower(instruction.getInstruction())).length;
  const wanted = lower * 2 > written.length ? "lowercase" : "uppercase";
  return written
    .filter((instruction) => {
      const word = instruction.getInstruction();
      return wanted === "lowercase" ? !isLower(word) : word !== word.toUpperCase();
    })
    .map((instruction) => ({
      rule: "ConsistentInstructionCasing",
      message: `Command '${instruction.getInstruction()}' should match the case of the command majority (${wanted})`,
      place: placeOf(instruction),
    }));
}

function stageNameCasing(_: Dockerfile, written: readonly AstInstruction[]): readonly Warning[] {
  return froms(written).flatMap(({ name, place }) =>
    name === undefined || name === name.toLowerCase() ? [] : [{ rule: "StageNameCasing", message: `Stage name '${name}' should be lowercase`, place }],
  );
}

function fromAsCasing(_: Dockerfile, written: readonly AstInstruction[]): readonly Warning[] {
  return froms(written).flatMap(({ keyword, as, place }) => {
    const isSame = as === undefined || (as === as.toUpperCase()) === (keyword === keyword.toUpperCase());
    return isSame ? [] : [{ rule: "FromAsCasing", message: `'${as}' and '${keyword}' keywords' casing do not match`, place }];
  });
}

function froms(
  written: readonly AstInstruction[],
): readonly { readonly keyword: string; readonly as: string | undefined; readonly name: string | undefined; readonly place: Place }[] {
  return written
    .filter((instruction) => instruction.getKeyword() === "FROM")
    .map((instruction) => {
      const [, as, name] = instruction
        .getArguments()
        .map((argument) => argument.getValue())
        .filter((word) => !word.startsWith("--"));
      return { keyword: instruction.getInstruction(), as, name, place: placeOf(instruction) };
    });
}

function duplicateStages({ instructions }: Dockerfile): readonly Warning[] {
  const seen = new Set<string>();
  return instructions.flatMap((instruction) => {
    if (instruction.kind !== "FROM" || instruction.name === undefined) return [];
    if (seen.has(instruction.name))
      return [{ rule: "DuplicateStageName", message: `Duplicate stage name '${instruction.name}', stage names should be unique`, place: instruction.place }];
    seen.add(instruction.name);
    return [];
  });
}

function reservedStages({ instructions }: Dockerfile): readonly Warning[] {
  return instructions.flatMap((instruction) =>
    instruction.kind === "FROM" && (instruction.name === "scratch" || instruction.name === "context")
      ? [{ rule: "ReservedStageName", message: `Stage name should not use the same name as reserved stage '${instruction.name}'`, place: instruction.place }]
      : [],
  );
}

function deprecated({ instructions }: Dockerfile): readonly Warning[] {
  return instructions.flatMap(({ kind, place }) =>
    kind === "MAINTAINER" ? [{ rule: "MaintainerDeprecated", message: "Maintainer instruction is deprecated in favor of using label", place }] : [],
  );
}

function jsonArguments({ instructions }: Dockerfile): readonly Warning[] {
  const hasShell = instructions.some(({ kind }) => kind === "SHELL");
  return instructions.flatMap((instruction) =>
    (instruction.kind === "CMD" || instruction.kind === "ENTRYPOINT") && instruction.command.form === "shell" && !hasShell
      ? [
          {
            rule: "JSONArgsRecommended",
            message: `JSON arguments recommended for ${instruction.kind} to prevent unintended behavior related to OS signals`,
            place: instruction.place,
          },
        ]
      : [],
  );
}

function relativeWorkdirs({ instructions }: Dockerfile): readonly Warning[] {
  let isAbsolute = false;
  return instructions.flatMap((instruction) => {
    if (instruction.kind === "FROM") isAbsolute = false;
    if (instruction.kind !== "WORKDIR") return [];
    const wasAbsolute = isAbsolute;
    isAbsolute ||= /^["']?[/$]/.test(instruction.value);
    const message = `Relative workdir ${JSON.stringify(instruction.value)} can have unexpected results if the base image changes`;
    return wasAbsolute || isAbsolute ? [] : [{ rule: "WorkdirRelativePath", message, place: instruction.place }];
  });
}

function repeatedCommands({ instructions }: Dockerfile): readonly Warning[] {
  const warnings: Warning[] = [];
  let last = new Map<string, Instruction>();
  for (const instruction of instructions) {
    if (instruction.kind === "FROM") last = new Map();
    if (instruction.kind !== "CMD" && instruction.kind !== "ENTRYPOINT" && instruction.kind !== "HEALTHCHECK") continue;
    const before = last.get(instruction.kind);
    const message = `Multiple ${instruction.kind} instructions should not be used in the same stage because only the last one will be used`;
    if (before !== undefined) warnings.push({ rule: "MultipleInstructionsDisallowed", message, place: before.place });
    last.set(instruction.kind, instruction);
  }
  return warnings;
}

function legacyPairs({ instructions }: Dockerfile): readonly Warning[] {
  return instructions.flatMap(({ kind, text, place }) => {
    const isLegacy = (kind === "ENV" || kind === "LABEL") && !/^\S+\s+[^\s=]*=/.test(text) && !/^\S+\s+["']/.test(text);
    return isLegacy
      ? [{ rule: "LegacyKeyValueFormat", message: `"${kind} key=value" should be used instead of legacy "${kind} key value" format`, place }]
      : [];
  });
}

const SECRET = /(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const PUBLIC = /(?:^|_)public(?:_|$)/i;

function secrets({ instructions }: Dockerfile): readonly Warning[] {
  return instructions.flatMap((instruction) => {
    const names = instruction.kind === "ARG" ? instruction.args : instruction.kind === "ENV" ? instruction.pairs : [];
    return names
      .filter(({ name }) => SECRET.test(name) && !PUBLIC.test(name))
      .map(({ name }) => ({
        rule: "SecretsUsedInArgOrEnv",
        message: `Do not use ARG or ENV instructions for sensitive data (${instruction.kind} "${name}")`,
        place: instruction.place,
      }));
  });
}
