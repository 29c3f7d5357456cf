/** A build as data: stages of steps, each step one layer to be made; everything expanded, nothing read or run yet. */
import type { ExecutionConfig, HistoryEntry, Platform } from "../../store/oci.ts";
import type { Image } from "../../store/store.ts";
import type { Place } from "../dockerfile/instruction.ts";

/** Where a FROM or a `--from` points. */
export type Origin =
  | { readonly kind: "scratch" }
  | { readonly kind: "context"; /** Undefined: the build's own. */ readonly name?: string }
  | { readonly kind: "stage"; readonly index: number }
  | {
      readonly kind: "image";
      readonly reference: string;
      readonly platform: Platform;
      /** A stage of nearly that name. */
      readonly nearStage?: string;
    };

export type ImageOrigin = Extract<Origin, { kind: "image" }>;

/** A file that the Dockerfile itself holds. */
export interface InlineFile {
  readonly name: string;
  readonly content: string;
}

export interface CopyAction {
  readonly kind: "copy";
  readonly origin: Origin;
  readonly patterns: readonly string[];
  readonly inline: readonly InlineFile[];
  /** ADD: `http(s)` sources. */
  readonly urls: readonly string[];
  /** ADD: git repositories, as written. */
  readonly git?: readonly string[];
  /** ADD of several kinds of sources: all of them, as written. Each is placed over those before it, heredocs last. */
  readonly order?: readonly string[];
  readonly keepGitDir?: boolean;
  /** Absolute; a trailing slash means "into". */
  readonly destination: string;
  readonly chown?: string;
  /** Octal digits or symbols. */
  readonly chmod?: string;
  readonly exclude: readonly string[];
  readonly parents: boolean;
  readonly link: boolean;
  /** ADD: whether archives are opened: of local files unless told, of downloads only when told. */
  readonly unpack: "never" | "local" | "always";
  readonly checksum?: string;
}

export interface FileAccess {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What a mount shows of an origin. */
export interface Shown {
  readonly origin: Origin;
  readonly source: string;
}

export type BindPlan = Shown & { readonly kind: "bind"; readonly target: string; readonly writable: boolean };

export type CachePlan = FileAccess & {
  readonly kind: "cache";
  readonly id: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly sharing: "shared" | "private" | "locked";
  /** What is in it when it is new. */
  readonly seed?: Shown;
  /** A folder in it is mounted, not the whole. */
  readonly below?: string;
  /** Mode or owner were written: they go before those of the seed. */
  readonly isOwned: boolean;
};

export type SecretPlan = FileAccess & {
  readonly kind: "secret";
  readonly id: string;
  readonly target: string | undefined;
  readonly env: string | undefined;
  readonly required: boolean;
};

export type SshPlan = FileAccess & {
  readonly kind: "ssh";
  readonly id: string;
  /** Undefined: the usual place. */
  readonly target: string | undefined;
  readonly required: boolean;
};

export type MountPlan = BindPlan | CachePlan | SecretPlan | SshPlan | { readonly kind: "tmpfs"; readonly target: string; readonly size?: number };

/** The content that a mount shows, if it shows any. */
export function shownBy(mount: MountPlan): Shown | undefined {
  return mount.kind === "bind" ? mount : mount.kind === "cache" ? mount.seed : undefined;
}

export interface RunAction {
  readonly kind: "run";
  readonly args: readonly string[];
  /** What the key sees: image environment and declared ARGs. */
  readonly env: readonly string[];
  /** Given to the program, but no part of the key or the history. */
  readonly hiddenEnv: readonly string[];
  readonly cwd: string;
  readonly user: string;
  readonly hostname?: string;
  readonly network: "default" | "none" | "host";
  readonly security: "sandbox" | "insecure";
  readonly mounts: readonly MountPlan[];
  /** Heredoc programs, mounted as /dev/pipes/NAME. */
  readonly scripts: readonly InlineFile[];
}

export interface WorkdirAction {
  readonly kind: "workdir";
  readonly path: string;
  readonly user: string;
}

export type Action = CopyAction | RunAction | WorkdirAction;

export interface Step {
  /** Unique in the graph. */
  readonly id: number;
  readonly stage: number;
  /** As progress shows it: `[build 2/4] RUN make`. */
  readonly name: string;
  readonly place: Place;
  readonly action: Action;
}

/** A history entry, and the step that makes its layer if there is one. */
export interface HistoryPlan {
  readonly entry: Omit<HistoryEntry, "created">;
  readonly step: Step | undefined;
}

/** ARGs as declared; undefined when one has no value. */
export type DeclaredArgs = ReadonlyMap<string, string | undefined>;

export interface StagePlan {
  readonly index: number;
  /** `stage-N` when it has no name. */
  readonly name: string;
  readonly base: Origin;
  readonly image: Image | undefined;
  readonly steps: readonly Step[];
  /** Of this stage alone; the base's come before it. */
  readonly history: readonly HistoryPlan[];
  readonly config: ExecutionConfig;
  readonly author: string | undefined;
  /** Stages built on this one see them. */
  readonly args: DeclaredArgs;
  readonly platform: Platform;
}

export interface BuildGraph {
  /** Only those needed, parents before children. */
  readonly stages: readonly StagePlan[];
  readonly target: number;
}
