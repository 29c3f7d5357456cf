/** checkDockerfile: what is allowed but unwise, by BuildKit's rules. Pure: what planning shows comes in as facts. */
import type { Platform } from "../../store/oci.ts";
import { compileRules } from "../context/ignore.ts";
import type { Dockerfile } from "../dockerfile/instruction.ts";
import { parseDockerfile } from "../dockerfile/parse.ts";
import { automaticArgs, globalArgs } from "../plan/arguments.ts";
import { isOf, stagesOf, type Checked, type PlanFacts } from "./checked.ts";
import type { Finding } from "./finding.ts";
import { CHECK_ARG, isOn, parseCheckOptions, withComments, type CheckOptions } from "./options.ts";
import { fromPlatformFlagConst, invalidBaseImagePlatform, invalidDefaultArgInFrom, redundantTargetPlatform, undefinedArgInFrom } from "./rules/bases.ts";
import { consistentInstructionCasing, fromAsCasing, stageNameCasing } from "./rules/casing.ts";
import { jsonArgsRecommended, maintainerDeprecated, multipleInstructions, workdirRelativePath } from "./rules/commands.ts";
import { copyIgnoredFile, exposeInvalidFormat, exposeProtoCasing, noEmptyContinuation } from "./rules/files.ts";
import { legacyKeyValueFormat, secretsUsedInArgOrEnv, undefinedVar } from "./rules/pairs.ts";
import { duplicateStageName, invalidDefinitionDescription, reservedStageName } from "./rules/stages.ts";
import { readWritten, type Written } from "./written.ts";

const ALL: readonly ((checked: Checked) => readonly Finding[])[] = [
  stageNameCasing,
  fromAsCasing,
  noEmptyContinuation,
  consistentInstructionCasing,
  duplicateStageName,
  reservedStageName,
  jsonArgsRecommended,
  maintainerDeprecated,
  undefinedArgInFrom,
  workdirRelativePath,
  undefinedVar,
  multipleInstructions,
  legacyKeyValueFormat,
  invalidBaseImagePlatform,
  redundantTargetPlatform,
  secretsUsedInArgOrEnv,
  invalidDefaultArgInFrom,
  fromPlatformFlagConst,
  copyIgnoredFile,
  invalidDefinitionDescription,
  exposeProtoCasing,
  exposeInvalidFormat,
];

export interface CheckInput {
  readonly dockerfile: { readonly text: string; readonly file: string };
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly ignore: readonly string[];
  /** What the build is for, and what this machine is. */
  readonly platform: Platform;
  readonly machine: Platform;
  readonly target: string | undefined;
}

export interface CheckResult {
  readonly findings: readonly Finding[];
  readonly options: CheckOptions;
}

export const NO_FACTS: PlanFacts = { undefinedVariables: [], copies: [], bases: new Map() };

/** In the order of the file. @throws {BuilderError} as parseDockerfile and parseCheckOptions */
export function checkDockerfile(input: CheckInput, facts: PlanFacts = NO_FACTS): CheckResult {
  const checked = readChecked(input, facts);
  const { written, dockerfile } = checked;
  const options = parseCheckOptions(input.buildArgs.get(CHECK_ARG) ?? dockerfile.directives.check);
  const findings = ALL.flatMap((rule) => rule(checked)).filter((finding) => isOn(finding.rule, optionsAt(finding, written, options)));
  return { findings: findings.sort((a, b) => a.place.start - b.place.start), options };
}

/** @throws {BuilderError} as parseDockerfile */
export function readChecked(input: CheckInput, facts: PlanFacts): Checked {
  const { text, file } = input.dockerfile;
  const dockerfile = parseDockerfile(text, file, input.buildArgs.get("BUILDKIT_SYNTAX"));
  const written = readWritten(text, dockerfile);
  return {
    text,
    dockerfile,
    written,
    stages: stagesOf(written),
    ...argumentsOf(dockerfile, written, input),
    facts,
    ignore: compileRules(input.ignore),
    ignorePatterns: input.ignore,
  };
}

/** The comments above an instruction speak for that instruction. */
function optionsAt({ place }: Finding, written: readonly Written[], options: CheckOptions): CheckOptions {
  const at = written.find(({ instruction }) => instruction.place.start <= place.start && instruction.place.end >= place.end);
  return at === undefined ? options : withComments(options, at.comments);
}

function argumentsOf({ directives }: Dockerfile, written: readonly Written[], input: CheckInput): Pick<Checked, "globals" | "defaults"> {
  const firstFrom = written.findIndex(isOf("FROM"));
  const heads = written
    .slice(0, firstFrom)
    .filter(isOf("ARG"))
    .map(({ instruction }) => instruction);
  const automatic = automaticArgs(input.platform, input.machine, input.target ?? "default");
  const read = (buildArgs: ReadonlyMap<string, string>): Checked["globals"] => globalArgs(heads, automatic, buildArgs, directives.escape);
  return { globals: read(input.buildArgs), defaults: read(new Map()) };
}
