/**
 * Containers as processes: a spec in, a monitored process out. Knows no image, no name, no network set-up:
 * the engine prepares those and hands over a spec whose network namespace (if any) is a path.
 *
 * Life: `create` (set up, program waiting) → `start` (execve) → exit (the monitor writes the exit record, removes the cgroup,
 * then runs `exitCommand`) → `remove`. The monitor outlives the command that created it.
 */
import type { ProcessSpec, Resources, Spec } from "./spec.ts";

/** Overlay layers of the root: mounted only inside the container's own mount namespace. */
export interface RootLayers {
  /** Topmost first. */
  readonly lowers: readonly string[];
  readonly upper: string;
  readonly work: string;
  /** A file system in a file that holds `upper` and `work`, mounted on `target` for the container alone. */
  readonly disk?: { readonly image: string; readonly target: string };
  /** Skip fsync: for throw-away containers. */
  readonly volatile?: boolean;
}

/** How a log is written: a file that would exceed `maxSize` bytes is put aside, and `maxFiles` of them are kept. */
export interface LogForm {
  readonly format: "json" | "cri";
  /** Docker's name of its form, where the format does not tell. */
  readonly driver?: "local";
  /** @default unlimited */
  readonly maxSize?: number;
  /** @default 1 */
  readonly maxFiles?: number;
}

/** Where the standard streams go. With `monitor`, the monitor keeps them: log file and attach socket. */
export type Stdio =
  | {
      readonly kind: "monitor";
      /** Log file; lines as `json` (docker's json-file) or `cri`. Undefined keeps no log. */
      readonly log?: { readonly path: string } & LogForm;
      /** Keep stdin open for attachers. */
      readonly stdin: boolean;
    }
  /** The three descriptors of this very process. */
  | { readonly kind: "inherit" };

export interface CreateRequest {
  readonly id: string;
  readonly spec: Spec;
  /** Undefined: `spec.root.path` is a plain folder. */
  readonly layers?: RootLayers;
  readonly stdio: Stdio;
  /** Run by the monitor after the exit record is written. */
  readonly exitCommand?: readonly string[];
  /** Run by the monitor again and again. */
  readonly health?: HealthTimer;
}

/** Milliseconds, each from the end of the run before; `startInterval` within `startPeriod`, as long as the command ends with 3. */
export interface HealthTimer {
  readonly interval: number;
  readonly startInterval: number;
  readonly startPeriod: number;
  readonly command: readonly string[];
}

export interface CreateOptions {
  /**
   * No monitor stays: init becomes the child of the caller's subreaper, which waits for it and keeps its streams (`inherit`).
   * That is what OCI callers expect; no exit is recorded.
   */
  readonly leave?: boolean;
  /** With `leave` and a terminal: the unix socket that takes the terminal's master. */
  readonly consoleSocket?: string;
  /** Shown by `state`, and told to hooks. */
  readonly bundle?: string;
  /** A session keyring of its own. @default true */
  readonly keyring?: boolean;
  /** So many descriptors of this process, from 3 upward, are passed on under the same numbers. @default 0 */
  readonly preserve?: number;
}

export type ProcessStatus = "creating" | "created" | "running" | "paused" | "stopped";

export interface ProcessState {
  readonly id: string;
  readonly status: ProcessStatus;
  /** In the caller's pid namespace; 0 when stopped. */
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: with the pid it names the process for good. */
  readonly startTime: number;
  readonly startedAt?: string;
  readonly exit?: ExitRecord;
  /** Stopped, and its monitor or keeper is there still, to run the exit command. */
  readonly watched?: true;
  readonly bundle?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ExitRecord {
  /** 0 to 255; 128 + signal when killed by one. */
  readonly exitCode: number;
  readonly signal?: number;
  readonly oomKilled: boolean;
  /** RFC 3339, nanoseconds. */
  readonly finishedAt: string;
  /** Why it ended, when neither its program nor its user ended it. */
  readonly error?: string;
}

export interface Meter {
  /** Nanoseconds since the start. */
  readonly cpuTotal: number;
  /** Bytes, without inactive file cache. */
  readonly memory: number;
}

export interface Usage extends Meter {
  readonly cpuThrottledPeriods: number;
  readonly memoryLimit: number;
  readonly pids: number;
  readonly ioRead: number;
  readonly ioWrite: number;
}

/** A client of a monitored process's streams. Dispose detaches; the process goes on. */
export interface Attachment extends AsyncDisposable {
  /** Output as it comes; ends when the streams are drained after exit. A terminal has only `stdout`. */
  readonly output: AsyncIterable<{ readonly stream: "stdout" | "stderr"; readonly data: Uint8Array }>;
  /** What its monitor recorded of its end, after all output. Rejects when the monitor went away, or this client left, before. */
  readonly exit: Promise<ExitRecord>;
  write(data: Uint8Array): Promise<void>;
  closeStdin(): void;
  resize(size: { readonly width: number; readonly height: number }): void;
}

export interface RunOptions extends Omit<CreateOptions, "leave"> {
  readonly attach?: boolean;
  /** Done when everything is set up and nothing runs yet; when it throws, nothing ever does. */
  readonly beforeStart?: (state: ProcessState) => Promise<void>;
}

export interface Processes {
  /** Sets everything up and waits before execve. @throws {RuntimeError} `SPEC_INVALID`, `COMMAND_NOT_FOUND`, `COMMAND_NOT_EXECUTABLE`, `LAUNCH_FAILED` */
  create(request: CreateRequest, options?: CreateOptions): Promise<ProcessState>;
  start(id: string): Promise<void>;
  /** create and start in one step, the hot path. `attach` connects before the program's first byte. */
  run(request: CreateRequest, options?: RunOptions): Promise<{ readonly state: ProcessState; readonly attachment?: Attachment }>;
  /** Undefined when there is none of that id. One whose monitor and keeper were killed is `stopped`: whoever notices first leaves the record. */
  state(id: string): Promise<ProcessState | undefined>;
  /** Resolves when the exit record is there. */
  wait(id: string, options?: { readonly signal?: AbortSignal }): Promise<ExitRecord>;
  attach(id: string, options?: { readonly exec?: string }): Promise<Attachment>;
  /** Starts another process in the container; `execID` names it. Its monitor keeps its streams and its exit record. */
  exec(
    id: string,
    process: ProcessSpec,
    /** `inherit`: the three descriptors of this very process instead of an attachment; `bound`: it is killed when its attachment is disposed of. */
    options: { readonly stdin: boolean; readonly detach?: boolean; readonly inherit?: boolean; readonly bound?: boolean } & Pick<
      CreateOptions,
      "leave" | "consoleSocket" | "preserve"
    >,
  ): Promise<{ readonly execID: string; readonly pid: number; readonly attachment?: Attachment; readonly exit: Promise<ExitRecord> }>;
  /** `all` signals every process of the container. */
  signal(id: string, signal: number, options?: { readonly all?: boolean }): Promise<void>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  update(id: string, resources: Resources): Promise<void>;
  usage(id: string): Promise<Usage>;
  /** For those who measure again and again: the control groups are looked up once, each call reads three files. All 0 when it has ended. */
  meter(id: string): Promise<() => Meter>;
  /** Pids in the container, in the caller's namespace. */
  pids(id: string): Promise<readonly number[]>;
  /** Kills what runs, removes cgroup and state; idempotent. */
  remove(id: string): Promise<void>;
  /** Foreground, nothing recorded, no monitor left behind: for build steps. Output comes by callback; abort kills everything. */
  runOnce(
    request: Omit<CreateRequest, "stdio" | "exitCommand">,
    options: {
      readonly onOutput: (stream: "stdout" | "stderr", data: Uint8Array) => void;
      /** Instead: standard input is open, and output goes to the attachment. */
      readonly attach?: (attachment: Attachment) => Promise<void>;
      readonly signal?: AbortSignal;
    },
  ): Promise<ExitRecord>;
}
