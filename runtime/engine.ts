/** Containers as users know them: an image, a name, flags, a network, volumes. Built on Processes and the store. */
import type { Digest } from "../store/digest.ts";
import type { ExecutionConfig, HealthConfig } from "../store/oci.ts";
import type { Image } from "../store/store.ts";
import type { Limits } from "./limits.ts";
import type { Connection, EndpointState, Networks, PortMapping } from "./networks.ts";
import type { Placement } from "./placement.ts";
import type { Attachment, ExitRecord, LogForm, Meter, ProcessStatus, Usage } from "./process.ts";
import type { ServiceNetwork } from "./service-network.ts";
import type { Volumes } from "./volumes.ts";

export type NetworkMode =
  | { readonly kind: "bridge"; readonly name: string; readonly aliases?: readonly string[] }
  | { readonly kind: "host" }
  | { readonly kind: "none" }
  | { readonly kind: "container"; readonly id: string }
  /** A configuration of the container network interface. */
  | { readonly kind: "cni"; readonly name: string }
  /** Namespaces of a pod sandbox. */
  | { readonly kind: "sandbox"; readonly id: string };

export type MountRequest =
  | {
      readonly kind: "bind";
      readonly source: string;
      readonly target: string;
      readonly readOnly?: boolean;
      readonly propagation?: string;
      /** Files have the ids in the container that they have on disk, whatever its user namespace maps. */
      readonly idmap?: boolean;
      /** Make a folder of a missing source, as `-v` does. */ readonly create?: boolean;
      /** What is mounted of the source, looked up when the container starts: through links, but nothing outside the source. Missing folders are made. */
      readonly subPath?: string;
    }
  /** `name` undefined: anonymous. */
  | { readonly kind: "volume"; readonly name?: string; readonly target: string; readonly readOnly?: boolean; readonly noCopy?: boolean }
  | { readonly kind: "tmpfs"; readonly target: string; readonly size?: number; readonly mode?: number };

export interface RestartPolicy {
  readonly name: "no" | "on-failure" | "always" | "unless-stopped";
  readonly maximumRetryCount?: number;
}

/** What `create` takes; what is absent comes from the image. */
export interface ContainerOptions extends Placement {
  readonly image: Image;
  /** Generated (adjective_noun) when absent. */
  readonly name?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  /** Names among `env` whose values a commit leaves out. */
  readonly secretEnv?: readonly string[];
  readonly cwd?: string;
  readonly user?: string;
  readonly groupAdd?: readonly string[];
  /** Digits as user or group are an id, never the name of an account of the image. */
  readonly numericUser?: boolean;
  readonly hostname?: string;
  /** What follows the hostname in its full name. */
  readonly domain?: string;
  readonly tty?: boolean;
  readonly openStdin?: boolean;
  /** Its stdin outlives a client that has ended its own, for the next one: it was started in the background. */
  readonly stdinStays?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly mounts?: readonly MountRequest[];
  /** Containers whose volumes and binds it gets too. */
  readonly volumesFrom?: readonly { readonly container: string; readonly readOnly?: boolean }[];
  readonly limits?: Limits;
  readonly network: NetworkMode;
  readonly ports?: readonly PortMapping[];
  readonly publishAll?: boolean;
  readonly extraHosts?: readonly string[];
  readonly dns?: {
    readonly servers?: readonly string[];
    readonly search?: readonly string[];
    readonly options?: readonly string[];
    /** What is left out is not taken from the host's. */
    readonly exact?: boolean;
  };
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly privileged?: boolean;
  /** /proc without its masked and read-only paths. */
  readonly unmaskedProc?: boolean;
  readonly noNewPrivileges?: boolean;
  /** Other than these two: a profile's JSON text. */
  readonly seccomp?: "default" | "unconfined" | string;
  /** A profile that this machine has loaded, or `unconfined`. */
  readonly apparmor?: string;
  /** Let /proc show the whole machine instead of the limits. */
  readonly hostProc?: boolean;
  readonly readOnly?: boolean;
  /** `pause`: it runs nothing but a process 1 that reaps. */
  readonly init?: boolean | "pause";
  readonly ulimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly devices?: readonly string[];
  readonly shmSize?: number;
  /** How much it may write to its own files; `text` as the user wrote it. */
  readonly storageLimit?: { readonly bytes: number; readonly text: string };
  readonly pidMode?: "host" | { readonly container: string };
  readonly ipcMode?: "host" | { readonly container: string };
  readonly userNamespace?: "host" | { readonly uidMap: readonly [number, number, number][]; readonly gidMap: readonly [number, number, number][] };
  readonly restart?: RestartPolicy;
  readonly autoRemove?: boolean;
  readonly stopSignal?: string;
  /** Seconds. */
  readonly stopTimeout?: number;
  readonly healthcheck?: HealthConfig;
  readonly log?: { readonly path?: string; readonly details?: LogDetails } & LogForm;
  /** What it prints is for who is attached only. */
  readonly unlogged?: boolean;
}

/** What `logs --details` tells beside each line: labels and variables by name or pattern, and a tag. */
export interface LogDetails {
  readonly labels?: string;
  readonly labelsRegex?: string;
  readonly env?: string;
  readonly envRegex?: string;
  readonly tag?: string;
}

/** The durable record. */
export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly imageName: string | undefined;
  readonly imageID: Digest;
  readonly options: Omit<ContainerOptions, "image">;
  /** Image config with the options applied. */
  readonly config: ExecutionConfig;
  readonly path: string;
  readonly args: readonly string[];
  readonly network: NetworkState;
  /** Its networks, once they are others than its options say. */
  readonly connections?: readonly Connection[];
  readonly mounts: readonly MountPoint[];
  readonly restartCount: number;
  /** The user asked it to stop: no restart policy applies. */
  readonly stopRequested: boolean;
  /** Who prepares it: a container that was never started and whose maker is gone is swept when it is `autoRemove`. */
  readonly maker?: { readonly pid: number; readonly startTime: number };
  /** Somebody removes it, with its anonymous volumes or without: whoever finds it so afterwards goes on with that. */
  readonly removing?: { readonly volumes: boolean };
  /** Set while it runs, or until what it held is given back. */
  readonly unsettled: boolean;
  readonly startedAt?: string;
  /** How it ended last; kept beyond a reboot. */
  readonly exit?: ExitRecord;
  /** Why it could not be started. */
  readonly error?: string;
  /** What its checks found since it was started. */
  readonly health?: HealthState;
  /** When the restart policy starts it again, milliseconds since the epoch. */
  readonly restartAt?: number;
  /** Who waits for that moment; when it is gone, whoever notices sends another. */
  readonly restarter?: { readonly pid: number; readonly startTime: number };
}

export interface HealthState {
  readonly status: "starting" | "healthy" | "unhealthy";
  readonly failingStreak: number;
  /** The last five, oldest first. */
  readonly log: readonly HealthResult[];
}

export interface HealthResult {
  /** RFC 3339. */
  readonly start: string;
  readonly end: string;
  /** -1 when the check could not be run or took too long. */
  readonly exitCode: number;
  readonly output: string;
}

export interface NetworkState {
  readonly mode: NetworkMode;
  readonly namespace?: string;
  readonly address?: string;
  readonly prefixLength?: number;
  readonly gateway?: string;
  readonly mac?: string;
  readonly ports: readonly PortMapping[];
  /** Of each of its networks, the first one's again. */
  readonly endpoints?: readonly EndpointState[];
  /** Name servers that the network's plugins name. */
  readonly dns?: { readonly servers?: readonly string[]; readonly search?: readonly string[]; readonly options?: readonly string[] };
}

export interface MountPoint {
  readonly kind: MountRequest["kind"];
  readonly name?: string;
  readonly source: string;
  /** Below `source`. */
  readonly subPath?: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Further words for mount(8). */
  readonly options?: readonly string[];
}

export interface ContainerStatus {
  readonly status: ProcessStatus | "exited" | "restarting" | "dead";
  readonly pid: number;
  readonly startedAt?: string;
  readonly exit?: ExitRecord;
  /** Of a container that has checks. */
  readonly health?: HealthState;
  readonly error?: string;
}

export interface Container {
  readonly record: ContainerRecord;
  readonly status: ContainerStatus;
}

export interface ExecOptions {
  readonly command: readonly string[];
  readonly env?: readonly string[];
  readonly cwd?: string;
  readonly user?: string;
  readonly tty?: boolean;
  /** Of its terminal from the first moment on. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly stdin?: boolean;
  readonly detach?: boolean;
  /** It is killed when its attachment is disposed of. */
  readonly bound?: boolean;
  readonly privileged?: boolean;
}

export interface LogLine {
  readonly stream: "stdout" | "stderr";
  /** RFC 3339, nanoseconds. */
  readonly time: string;
  /** With its newline, unless the program wrote none. */
  readonly text: Uint8Array;
}

export interface LogOptions {
  readonly follow?: boolean;
  readonly tail?: number;
  readonly since?: string;
  readonly until?: string;
  readonly signal?: AbortSignal;
}

/** Shared network, ipc and uts namespaces of a pod. */
export interface Sandbox {
  readonly id: string;
  readonly address: string | undefined;
  /** Path of its network namespace; undefined on the host's network. */
  readonly namespace: string | undefined;
}

export interface Engine {
  create(options: ContainerOptions): Promise<Container>;
  /**
   * With `settle: "caller"` the caller calls `settle` after `wait` (quicker: nothing is spawned);
   * when the caller dies first the monitor does it.
   * @throws {RuntimeError} `CONTAINER_STATE` when it runs already
   */
  start(id: string, options?: { readonly attach?: boolean; readonly settle?: "caller" | "monitor" }): Promise<{ readonly attachment?: Attachment }>;
  /** By id, unique id prefix or name. @throws {RuntimeError} `CONTAINER_UNKNOWN` */
  get(reference: string): Promise<Container>;
  list(): Promise<readonly Container[]>;
  /** Stop signal, then SIGKILL after `timeout` seconds. Idempotent. */
  stop(id: string, options?: { readonly timeout?: number; readonly signal?: string }): Promise<void>;
  /** stop, then start; a container that does not run is started. */
  restart(id: string, options?: { readonly timeout?: number; readonly signal?: string }): Promise<void>;
  kill(id: string, signal: string): Promise<void>;
  wait(id: string, options?: { readonly signal?: AbortSignal }): Promise<ExitRecord>;
  remove(id: string, options?: { readonly force?: boolean; readonly volumes?: boolean }): Promise<void>;
  rename(id: string, name: string): Promise<void>;
  pause(id: string): Promise<void>;
  unpause(id: string): Promise<void>;
  update(id: string, limits: Limits, restart?: RestartPolicy): Promise<void>;
  exec(id: string, options: ExecOptions): Promise<{ readonly execID: string; readonly attachment?: Attachment; readonly exit: Promise<ExitRecord> }>;
  /** Runs the container's health check once and records what came of it; undefined when it has none or does not run. */
  checkHealth(id: string): Promise<HealthState | undefined>;
  attach(id: string): Promise<Attachment>;
  logs(id: string, options?: LogOptions): AsyncIterable<LogLine>;
  usage(id: string): Promise<Usage>;
  /** For those who measure again and again, at little cost. All 0 when it has ended. */
  meter(id: string): Promise<() => Meter>;
  pids(id: string): Promise<readonly number[]>;
  /** Changes against the image: A added, C changed, D deleted. */
  diff(id: string): Promise<readonly { readonly kind: "A" | "C" | "D"; readonly path: string }[]>;
  /** Upper folder only: no init layer, no mounts. `changes` are Dockerfile instructions. Returns the image, tagged when `name` is given. */
  /** Asks the CNI plugins that made its network whether it is still as they made it. @throws {RuntimeError} `NETWORK_FAILED` */
  checkNetwork(id: string): Promise<void>;
  connectNetwork(id: string, connection: Connection): Promise<void>;
  disconnectNetwork(id: string, network: string): Promise<void>;
  commit(
    id: string,
    options?: { readonly name?: string; readonly author?: string; readonly message?: string; readonly changes?: readonly string[]; readonly pause?: boolean },
  ): Promise<Image>;
  /** What is at `path` in the container, links followed; undefined when nothing is. */
  stat(id: string, path: string): Promise<{ readonly type: "directory" | "file" | "other" } | undefined>;
  /** A tar of `path`, as `docker cp` makes it; a link there is followed unless told; `own` leaves out what is mounted in there. @throws {RuntimeError} `PATH_UNKNOWN` */
  copyOut(id: string, path: string, options?: { readonly followLink?: boolean; readonly own?: boolean }): AsyncIterable<Uint8Array>;
  /** Unpacks a tar into the folder `path` of the container, never following links out of its root. */
  copyIn(id: string, path: string, tar: AsyncIterable<Uint8Array>): Promise<void>;
  /** Called by the monitor's exit command and by `sweep`: network and ports back, restart policy or auto-remove applied. Idempotent. */
  settle(id: string): Promise<void>;
  /** Finds what a crash left (dead monitors, namespaces, addresses, nft rules, upper folders without record) and settles or removes it. */
  sweep(): Promise<void>;

  createSandbox(options: {
    readonly id: string;
    readonly hostname: string;
    readonly network: "bridge" | "host";
    readonly ports?: readonly PortMapping[];
    readonly sysctls?: Readonly<Record<string, string>>;
  }): Promise<Sandbox>;
  sandbox(id: string): Promise<Sandbox | undefined>;
  removeSandbox(id: string): Promise<void>;

  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly services: ServiceNetwork;
}
