/**
 * What builders accept in silence and `--strict` refuses: each with what happens without it, and what to do. Nothing here is wrong by
 * the letter of the Dockerfile reference, or BuildKit takes it in spite of that letter; all of it is seldom meant.
 */
export const STRICT_RULES = {
  UndefinedVariable: { silently: "it becomes nothing", hint: "Declare it by ARG or ENV, or write ${NAME:-} where it may be unset" },
  EmptyContinuation: { silently: "blank lines inside an instruction are passed over", hint: "Take the blank lines out; builders will refuse them" },
  OpenContinuation: { silently: "the escape character at the end of the file is dropped", hint: "Take it out, or write the line that is missing" },
  DuplicateStageName: { silently: "the last stage of that name is meant", hint: "Give one of them another name" },
  ReservedStageName: { silently: "the name means something else to COPY --from and FROM", hint: "Give it another name" },
  UnusedBuildArgument: { silently: "its value goes nowhere", hint: "Declare it by ARG, or do not give it" },
  ShadowedArgument: { silently: "the variable keeps the value of ENV, or gets that of ARG, as the builder likes", hint: "Give one of them another name" },
  JsonLookalike: { silently: "it is given to the shell, brackets and all", hint: "Write JSON: double quotes, commas, no trailing comma" },
  OverriddenInstruction: { silently: "only the last one of the stage counts", hint: "Take this one out" },
  ExposedHostPort: { silently: "address and host port are dropped", hint: "Write the container's port alone" },
  MissingSecret: { silently: "nothing is mounted", hint: "Give it by --secret, or write required=false" },
  ForeignBase: { silently: "the image is taken as it is", hint: "Use an image for the platform, or FROM --platform" },
  EscapingSource: { silently: "the path is cut at the root of the context", hint: "Write the path as it is in the context" },
  UnmatchedWildcard: { silently: "nothing is copied", hint: "Correct the pattern, or take it out" },
  SeveralSources: { silently: "each replaces the one before, the last one stays", hint: "End the destination with /" },
  LinkedDestination: { silently: "the file that the link points to is written", hint: "Name that file, or remove the link first" },
  VolumeWrites: { silently: "some builders keep the files, others lose them", hint: "Write the files before VOLUME" },
} as const satisfies Readonly<Record<string, { readonly silently: string; readonly hint: string }>>;

export type StrictRule = keyof typeof STRICT_RULES;
