/** What can be refused before anything is read or run: pure functions over the Dockerfile and its plan. */
import { basename } from "node:path";
import type { Dockerfile, Instruction, Warning } from "../dockerfile/instruction.ts";
import { formatPlatform } from "../../store/image/platform.ts";
import { isPredefined } from "../plan/arguments.ts";
import type { BuildGraph } from "../plan/graph.ts";
import type { Violation } from "./violation.ts";

export interface StrictInput {
  readonly dockerfile: Dockerfile;
  readonly graph: BuildGraph;
  /** Of the plan. */
  readonly warnings: readonly Warning[];
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly secrets: { has(id: string): boolean };
}

type Rule = (input: StrictInput) => readonly Violation[];

const RULES: readonly Rule[] = [
  warned,
  openContinuation,
  stageNames,
  unusedBuildArguments,
  shadowedArguments,
  jsonLookalikes,
  overriddenInstructions,
  exposedHostPorts,
  missingSecrets,
  foreignBases,
  escapingSources,
];

/** In the order of the file. */
export function planViolations(input: StrictInput): readonly Violation[] {
  return RULES.flatMap((rule) => rule(input)).sort((a, b) => (a.place?.start ?? 0) - (b.place?.start ?? 0));
}

function warned({ warnings }: StrictInput): readonly Violation[] {
  return warnings.flatMap(({ rule, message, place }): readonly Violation[] => {
    if (rule === "UndefinedVar")
      return [{ rule: "UndefinedVariable", what: `variable ${/'([^']+)'/.exec(message)?.[1] ?? ""}`, state: "nothing sets it", place }];
    if (rule === "NoEmptyContinuation") return [{ rule: "EmptyContinuation", what: "the instruction", state: "there are blank lines in it", place }];
    return [];
  });
}

function openContinuation({ dockerfile: { lines, directives } }: StrictInput): readonly Violation[] {
  const at = lines.findLastIndex((line) => line.trim() !== "");
  const last = lines[at]?.trimEnd() ?? "";
  const isOpen = !last.trimStart().startsWith("#") && last.endsWith(directives.escape) && !last.endsWith(directives.escape.repeat(2));
  return isOpen ? [{ rule: "OpenContinuation", what: "the last line", state: `it ends with ${directives.escape}`, place: { start: at + 1, end: at + 1 } }] : [];
}

function stageNames({ dockerfile }: StrictInput): readonly Violation[] {
  const seen = new Set<string>();
  return dockerfile.instructions.flatMap((instruction): readonly Violation[] => {
    if (instruction.kind !== "FROM" || instruction.name === undefined) return [];
    const { name, place } = instruction;
    const isTwice = seen.has(name);
    seen.add(name);
    if (isTwice) return [{ rule: "DuplicateStageName", what: `stage ${name}`, state: "a stage before it has that name", place }];
    return name === "scratch" || name === "context" ? [{ rule: "ReservedStageName", what: `stage ${name}`, state: "the name is reserved", place }] : [];
  });
}

/** Set by every build. */
const AUTOMATIC = /^(?:(?:TARGET|BUILD)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT)|TARGETSTAGE)$/;

function unusedBuildArguments({ dockerfile, buildArgs }: StrictInput): readonly Violation[] {
  const declared = new Set(dockerfile.instructions.flatMap((instruction) => (instruction.kind === "ARG" ? instruction.args.map(({ name }) => name) : [])));
  return [...buildArgs.keys()]
    .filter((name) => !declared.has(name) && !isPredefined(name) && !AUTOMATIC.test(name))
    .map((name) => ({ rule: "UnusedBuildArgument", what: `build argument ${name}`, state: "no ARG declares it", place: undefined }));
}

function shadowedArguments({ dockerfile }: StrictInput): readonly Violation[] {
  let set = new Set<string>();
  return dockerfile.instructions.flatMap((instruction): readonly Violation[] => {
    if (instruction.kind === "FROM") set = new Set();
    if (instruction.kind === "ENV") for (const { name } of instruction.pairs) set.add(name);
    if (instruction.kind !== "ARG") return [];
    const shadowed = instruction.args.filter(({ name }) => set.has(name));
    return shadowed.map(({ name }) => ({ rule: "ShadowedArgument", what: `ARG ${name}`, state: "an ENV before it has that name", place: instruction.place }));
  });
}

function jsonLookalikes({ dockerfile }: StrictInput): readonly Violation[] {
  return dockerfile.instructions.flatMap((instruction): readonly Violation[] => {
    const { kind, place } = instruction;
    if (kind !== "RUN" && kind !== "CMD" && kind !== "ENTRYPOINT") return [];
    const { command } = instruction;
    const isLike = command.form === "shell" && /^\[\s*["'].*\]$/s.test(command.text.trim());
    return isLike ? [{ rule: "JsonLookalike", what: `${kind} ${command.text}`, state: "it looks like JSON and is none", place }] : [];
  });
}

function overriddenInstructions({ dockerfile }: StrictInput): readonly Violation[] {
  let last = new Map<string, Instruction>();
  return dockerfile.instructions.flatMap((instruction): readonly Violation[] => {
    const { kind } = instruction;
    if (kind === "FROM") last = new Map();
    if (kind !== "CMD" && kind !== "ENTRYPOINT" && kind !== "HEALTHCHECK") return [];
    const before = last.get(kind);
    last.set(kind, instruction);
    return before === undefined ? [] : [{ rule: "OverriddenInstruction", what: kind, state: "another one of the same stage follows it", place: before.place }];
  });
}

function exposedHostPorts({ dockerfile }: StrictInput): readonly Violation[] {
  return dockerfile.instructions.flatMap((instruction) =>
    instruction.kind === "EXPOSE"
      ? instruction.ports
          .filter((port) => !port.includes("$") && port.includes(":"))
          .map((port): Violation => ({
            rule: "ExposedHostPort",
            what: `EXPOSE ${port}`,
            state: "it names a host port or an address",
            place: instruction.place,
          }))
      : [],
  );
}

/** A secret that may be missing says so. */
function missingSecrets({ dockerfile, graph, secrets }: StrictInput): readonly Violation[] {
  return graph.stages.flatMap(({ steps }) =>
    steps.flatMap(({ action, place }) => {
      const mounts = action.kind === "run" ? action.mounts.flatMap((mount) => (mount.kind === "secret" && !mount.required ? [mount.id] : [])) : [];
      const allowed = new Set(mountTexts(dockerfile, place.start).flatMap((text) => (/(?:^|,)required=(?:false|0)/.test(text) ? [secretId(text)] : [])));
      return mounts
        .filter((id) => !secrets.has(id) && !allowed.has(id))
        .map((id): Violation => ({ rule: "MissingSecret", what: `secret ${id}`, state: "it was not given", place }));
    }),
  );
}

function mountTexts({ instructions }: Dockerfile, line: number): readonly string[] {
  return instructions.flatMap((instruction) => (instruction.kind === "RUN" && instruction.place.start === line ? instruction.mounts : []));
}

function secretId(text: string): string {
  return /(?:^|,)id=([^,]+)/.exec(text)?.[1] ?? basename(/(?:^|,)(?:target|dst|destination)=([^,]+)/.exec(text)?.[1] ?? "");
}

function foreignBases({ dockerfile, graph }: StrictInput): readonly Violation[] {
  const froms = dockerfile.instructions.filter((instruction) => instruction.kind === "FROM");
  return graph.stages.flatMap(({ index, image, platform, base }): readonly Violation[] => {
    if (image === undefined || base.kind !== "image") return [];
    const { os, architecture } = image.config;
    if (os === platform.os && architecture === platform.architecture) return [];
    const state = `it is for ${os}/${architecture}, the build for ${formatPlatform(platform)}`;
    return [{ rule: "ForeignBase", what: `FROM ${base.reference}`, state, place: froms[index]?.place }];
  });
}

function escapingSources({ graph }: StrictInput): readonly Violation[] {
  return graph.stages.flatMap(({ steps }) =>
    steps.flatMap(({ action, place }) =>
      action.kind === "copy"
        ? action.patterns
            .filter((pattern) => leavesRoot(pattern))
            .map((pattern): Violation => ({ rule: "EscapingSource", what: `source ${pattern}`, state: "it leads out of the context", place }))
        : [],
    ),
  );
}

function leavesRoot(path: string): boolean {
  let depth = 0;
  for (const part of path.split("/")) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) return true;
  }
  return false;
}
