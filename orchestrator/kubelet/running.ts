/** What runs on this node for a pod: the second operand of `planPod`. */
import type { ExitRecord } from "../../runtime/process.ts";

export interface RunningPod {
  /** Undefined until it is made, and again when it was taken down. */
  readonly sandbox: { readonly address: string | undefined } | undefined;
  /** Every instance that the node still has, ended ones too. */
  readonly instances: readonly Instance[];
  /** Container names, and `pod` for the sandbox and volumes, that somebody is at work on. */
  readonly busy: ReadonlySet<string>;
  /** Why the last attempt to start failed, by container name, and `pod`. */
  readonly problems: ReadonlyMap<string, Problem>;
}

/** One run of a container; each restart is a new one. */
export interface Instance {
  readonly id: string;
  readonly container: string;
  /** 0 for the first: the restart count. */
  readonly attempt: number;
  /** Milliseconds to wait after its end before the next. */
  readonly backoff: number;
  readonly image: string;
  readonly imageID: string;
  readonly state: InstanceState;
  readonly probes: ProbeResults;
}

export type InstanceState =
  | { readonly kind: "created" }
  /** `starting` until its postStart hook is done. `stopBy` is when its grace is over, in milliseconds since the epoch. */
  | { readonly kind: "running"; readonly startedAt: string; readonly stopping: boolean; readonly starting?: boolean; readonly stopBy?: number }
  | { readonly kind: "exited"; readonly startedAt: string | undefined; readonly exit: ExitRecord; readonly message?: string; readonly reason?: string };

export interface ProbeResults {
  /** The startup probe has passed, or there is none. */
  readonly started: boolean;
  readonly ready: boolean;
  /** A liveness or startup probe gave up on it. */
  readonly failed?: { readonly probe: "liveness" | "startup"; readonly grace?: number };
}

export interface Problem {
  /** `ErrImagePull`, `CreateContainerConfigError`… */
  readonly reason: string;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly retryAt: number;
}

/** The newest instance of a container. */
export function latest(running: RunningPod, container: string): Instance | undefined {
  return running.instances.filter((instance) => instance.container === container).toSorted((left, right) => right.attempt - left.attempt)[0];
}

/** Ended instances of a container, newest first. */
export function ended(running: RunningPod, container: string): readonly (Instance & { readonly state: Extract<InstanceState, { kind: "exited" }> })[] {
  return running.instances
    .filter(
      (instance): instance is Instance & { readonly state: Extract<InstanceState, { kind: "exited" }> } =>
        instance.container === container && instance.state.kind === "exited",
    )
    .toSorted((left, right) => right.attempt - left.attempt);
}
