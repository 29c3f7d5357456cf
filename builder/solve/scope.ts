/** What every step of one build shares. */
import type { Platform } from "../../store/oci.ts";
import type { ChainID } from "../../store/store.ts";
import type { SourceTree } from "../context/tree.ts";
import type { Origin } from "../plan/graph.ts";
import type { Progress, Vertex } from "../progress.ts";
import type { BuildRequest, Collaborators } from "../request.ts";
import type { BuildCache } from "./cache.ts";
import type { FileList } from "./file-list.ts";
import type { KeyParts } from "./key.ts";

export interface SolveScope {
  readonly request: BuildRequest;
  readonly collaborators: Collaborators;
  /** A folder for the time of this build. */
  readonly scratch: string;
  /** Seconds: later times in layers become this. */
  readonly epoch: number;
  readonly cache: BuildCache;
  readonly progress: Progress;
  /** Aborted when any step fails. */
  readonly signal: AbortSignal;
  /** What the step's stage is for, as text. */
  readonly platform: string;
  /** What the programs in the stage are made for. */
  readonly programs: Platform;
  /** By architecture: whether this machine turned out to run its programs. */
  readonly probes: Map<string, Promise<boolean>>;
  /** The stack that an origin stands for; waits for stages. Undefined is the empty one. */
  readonly chainOf: (origin: Origin) => Promise<ChainID | undefined>;
  /** Where COPY takes files of an origin from. */
  readonly treeOf: (origin: Origin) => Promise<SourceTree>;
}

export interface QuickKey {
  readonly parts: KeyParts;
  /** Means something on this machine only. */
  readonly isLocal: boolean;
  /** False: good for this look only. */
  isLasting(): boolean;
}

/** One step, ready to be looked up and, on a miss, made. */
export interface Work {
  /** A key that needs no content to be read, if there is one. */
  readonly quick?: QuickKey;
  /** After `make`, the parts of what was made. */
  full(): Promise<KeyParts>;
  /** Of a step whose layer is the same on any parent: its key without one. Comes after `full`. */
  anywhere?(): Promise<KeyParts>;
  make(making: Making): Promise<ChainID>;
}

export interface Making {
  readonly vertex: Vertex;
  /** Identifies the step by its place in the Dockerfile, not by its content. */
  readonly place: string;
  /** Says why the step is made; called once, before the work begins. */
  readonly explain: (files: { readonly before: FileList | undefined; readonly now: FileList | undefined }) => void;
}
