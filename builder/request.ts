/** What a build is asked for, what it works with, and what it gives. */
import type { Digest } from "../store/digest.ts";
import type { Descriptor, ImageConfig, Platform } from "../store/oci.ts";
import type { ChainID, Store } from "../store/store.ts";
import type { ContextMode } from "./context/context-mode.ts";
import type { CachePlace, CacheTarget, OpenCacheStorage } from "./cache/storage.ts";
import type { Warning } from "./dockerfile/instruction.ts";
import type { Executor, ImagePuller, RunLimits, RunRequest } from "./executor.ts";
import type { StageImage } from "./plan/bases.ts";
import type { Attestation, AttestRequest } from "./attest/options.ts";
import type { BuildEvent } from "./progress.ts";
import type { Pins } from "./lock/pins.ts";

/** A place that COPY can read: a folder of this machine, what a git or http URL gives, or an image (`oci-layout://FOLDER` is one too). */
export type ContextSource =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "remote"; readonly url: string }
  | { readonly kind: "image"; readonly reference: string };

export interface Secret {
  /** Reads it; called only when a step wants it. */
  readonly read: () => Uint8Array;
}

/** What `--ssh` gives to a step: the socket of a running agent, or keys that a throw-away one holds. */
export type SshSource = { readonly kind: "socket"; readonly path: string } | { readonly kind: "keys"; readonly paths: readonly string[] };

export interface BuildRequest {
  readonly dockerfile: { readonly text: string; /** As errors name it. */ readonly file: string };
  /** Undefined: the Dockerfile came alone. */
  readonly context: string | undefined;
  /** Seconds: when what came from elsewhere was made, as far as that is known. SOURCE_DATE_EPOCH=context asks for it. */
  readonly contextTime?: number | undefined;
  /** Rules of the ignore file that is in force. */
  readonly ignore: readonly string[];
  readonly contexts: ReadonlyMap<string, ContextSource>;
  /** Which permission bits of a context's files count. */
  readonly contextModes: ContextMode;
  readonly target: string | undefined;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  /** What images are wanted for; none is this machine's. */
  readonly platforms: readonly Platform[];
  readonly secrets: ReadonlyMap<string, Secret>;
  /** By id. */
  readonly ssh?: ReadonlyMap<string, SshSource>;
  /** Entitlements: what a Dockerfile may only do when the user says so. */
  readonly allow?: ReadonlySet<"network.host" | "security.insecure">;
  /** Of each RUN. */
  readonly limits?: RunLimits;
  /** Say for every step why it was made or not. */
  readonly explain: boolean;
  /** Refuse what is accepted in silence otherwise. */
  readonly strict?: boolean;
  readonly noCache: boolean;
  /** Names of stages whose steps are made again. */
  readonly noCacheFilter?: ReadonlySet<string>;
  /** Caches of other machines to look into, and where this build leaves its own. */
  readonly cacheFrom?: readonly CachePlace[];
  readonly cacheTo?: readonly CacheTarget[];
  /** The image's config carries the cache of its steps. */
  readonly inlineCache?: boolean;
  readonly pull: boolean;
  /** For RUNs that name none. */
  readonly network: "default" | "none" | "host";
  readonly extraHosts: readonly string[];
  /** Bytes of /dev/shm. */
  readonly shmSize: number;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  /** Seconds; undefined takes SOURCE_DATE_EPOCH of the build arguments or the default. */
  readonly epoch: number | undefined;
  /** What is to be said of the image. */
  readonly attest?: AttestRequest | undefined;
}

export interface Collaborators {
  readonly store: Store;
  /** Path of the native tree tool. */
  readonly treeTool: string;
  /** A folder that a reboot may take: secrets and the like live here while a step runs. */
  readonly scratch: string;
  /** Asked for at the first RUN that is not cached. */
  readonly executor: () => Promise<Executor>;
  readonly puller?: ImagePuller;
  /** A lock file that the build holds to. */
  readonly pins?: Pins | undefined;
  /** For caches outside the store. */
  readonly cacheStorage?: OpenCacheStorage;
  /** PEM of those that are trusted beside node's own. Asked for when something is downloaded. */
  readonly authorities?: () => Promise<readonly string[]>;
  readonly onEvent: (event: BuildEvent) => void;
  /** A RUN ended with `code`; its files and mounts are there until this resolves. */
  readonly onRunFailed?: (request: RunRequest, code: number) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** The image of one platform. */
export interface BuiltImage {
  readonly platform: Platform;
  /** Its manifest. */
  readonly target: Descriptor;
  /** Digest of the configuration: the image id. */
  readonly id: Digest;
  readonly config: ImageConfig;
  readonly chain: ChainID | undefined;
}

/** Of several images, `id`, `config` and `chain` are those of the first. */
export interface BuildResult extends Omit<BuiltImage, "platform"> {
  /** A manifest, or the index over several. */
  readonly target: Descriptor;
  readonly images: readonly BuiltImage[];
  readonly warnings: readonly Warning[];
  /** By the number of the stage. */
  readonly bases: ReadonlyMap<number, StageImage>;
  /** What was said of the image, if that was asked for. */
  readonly attestations: readonly Attestation[];
  /** Some step was made. */
  readonly hasNews: boolean;
}
