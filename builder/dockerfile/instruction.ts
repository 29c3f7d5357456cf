/** A Dockerfile as data: typed instructions with their places. Values are still as written: variables are expanded by the plan. */

/** Lines from 1, both inclusive. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

export interface Heredoc {
  readonly name: string;
  /** As written between the lines of its words; `<<-` not yet chomped. */
  readonly body: string;
  readonly chomp: boolean;
  /** False when the word was quoted. */
  readonly expand: boolean;
  readonly descriptor: number | undefined;
}

/** Exec form keeps its words; shell form is one text for SHELL. */
export type Command = { readonly form: "exec"; readonly args: readonly string[] } | { readonly form: "shell"; readonly text: string };

export interface Pair {
  readonly name: string;
  readonly value: string;
}

export interface FileSources {
  /** In order; a heredoc stands where its word stood. */
  readonly sources: readonly (string | Heredoc)[];
  readonly destination: string;
  readonly from?: string;
  readonly chown?: string;
  readonly chmod?: string;
  readonly exclude: readonly string[];
  readonly link: boolean;
  readonly parents: boolean;
}

export interface HealthOptions {
  /** Durations in nanoseconds, 0 inherits. */
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

type Each<Kinds extends string, Rest> = Kinds extends string ? { readonly kind: Kinds } & Rest : never;

export type Body =
  | { readonly kind: "FROM"; readonly image: string; readonly platform?: string; readonly name?: string }
  | { readonly kind: "ARG"; readonly args: readonly { readonly name: string; readonly value?: string }[] }
  | Each<"ENV" | "LABEL", { readonly pairs: readonly Pair[] }>
  | {
      readonly kind: "RUN";
      readonly command: Command;
      readonly heredocs: readonly Heredoc[];
      readonly mounts: readonly string[];
      readonly network: "default" | "none" | "host";
      readonly security: "sandbox" | "insecure";
    }
  | ({ readonly kind: "COPY"; /** Of our own: archives are opened, from stages too. */ readonly unpack?: boolean } & FileSources)
  | ({ readonly kind: "ADD"; readonly checksum?: string; readonly unpack?: boolean; readonly keepGitDir: boolean } & FileSources)
  | Each<"WORKDIR" | "USER" | "STOPSIGNAL" | "MAINTAINER", { readonly value: string }>
  | { readonly kind: "EXPOSE"; readonly ports: readonly string[] }
  | { readonly kind: "VOLUME"; readonly paths: readonly string[] }
  | { readonly kind: "SHELL"; readonly args: readonly string[] }
  | Each<"CMD" | "ENTRYPOINT", { readonly command: Command }>
  | ({ readonly kind: "HEALTHCHECK"; readonly test: "NONE" | Command } & HealthOptions)
  | { readonly kind: "ONBUILD"; readonly trigger: string };

export type Keyword = Body["kind"];
export type Instruction = Body & {
  readonly place: Place;
  /** The logical line as written, continuations joined. */
  readonly text: string;
  /** Of the lines right above it, without `#`; an empty comment begins anew. */
  readonly comments?: readonly string[];
};
export type InstructionOf<Kind extends Keyword> = Extract<Instruction, { kind: Kind }>;

export interface Directives {
  /** The front end that the file asks for: the first word of `syntax`. */
  readonly syntax?: string;
  readonly check?: string;
  readonly escape: "\\" | "`";
}

export interface Warning {
  readonly rule: string;
  readonly message: string;
  readonly place: Place;
}

export interface Dockerfile {
  readonly file: string;
  readonly lines: readonly string[];
  readonly directives: Directives;
  readonly instructions: readonly Instruction[];
  readonly warnings: readonly Warning[];
}
