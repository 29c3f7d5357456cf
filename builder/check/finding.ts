/** What a check found: the rule, where, what to do about it, and the edits that do it where there is only one way. */
import type { Warning } from "../dockerfile/instruction.ts";

/** Replaces `text.slice(start, end)` of the Dockerfile. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface Finding extends Warning {
  readonly rule: RuleName;
  /** What to write instead, in words. */
  readonly advice: string;
  /** Empty: only the author can tell. */
  readonly edits: readonly Edit[];
}

/** BuildKit's rules, with its descriptions. An experimental one is off until it is asked for. Spec: Docker docs, "Build checks". */
export const RULES = {
  StageNameCasing: { description: "Stage names should be lowercase" },
  FromAsCasing: { description: "The 'as' keyword should match the case of the 'from' keyword" },
  NoEmptyContinuation: { description: "Empty continuation lines will become errors in a future release" },
  ConsistentInstructionCasing: { description: "All commands within the Dockerfile should use the same casing (either upper or lower)" },
  DuplicateStageName: { description: "Stage names should be unique" },
  ReservedStageName: { description: "Reserved words should not be used as stage names" },
  JSONArgsRecommended: { description: "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals" },
  MaintainerDeprecated: { description: "The MAINTAINER instruction is deprecated, use a label instead to define an image author" },
  UndefinedArgInFrom: { description: "FROM command must use declared ARGs" },
  WorkdirRelativePath: {
    description: "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes",
  },
  UndefinedVar: { description: "Variables should be defined before their use" },
  MultipleInstructionsDisallowed: { description: "Multiple instructions of the same type should not be used in the same stage" },
  LegacyKeyValueFormat: { description: "Legacy key/value format with whitespace separator should not be used" },
  InvalidBaseImagePlatform: { description: "Base image platform does not match expected target platform" },
  RedundantTargetPlatform: { description: "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior" },
  SecretsUsedInArgOrEnv: { description: "Sensitive data should not be used in the ARG or ENV commands" },
  InvalidDefaultArgInFrom: { description: "Default value for global ARG results in an empty or invalid base image name" },
  FromPlatformFlagConstDisallowed: { description: "FROM --platform flag should not use a constant value" },
  CopyIgnoredFile: { description: "Attempting to Copy file that is excluded by .dockerignore" },
  InvalidDefinitionDescription: {
    description:
      "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.",
    experimental: true,
  },
  ExposeProtoCasing: { description: "Protocol in EXPOSE instruction should be lowercase" },
  ExposeInvalidFormat: {
    description: "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release",
  },
} as const satisfies Readonly<Record<string, { readonly description: string; readonly experimental?: true }>>;

export type RuleName = keyof typeof RULES;

export function isExperimental(rule: RuleName): boolean {
  return "experimental" in RULES[rule];
}
