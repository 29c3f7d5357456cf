/** What the builder needs of its siblings, stated here so that they fit by shape. */
import type { Descriptor, Platform } from "../store/oci.ts";
import type { Status } from "./progress.ts";

/** One RUN: mounted, run to its end, everything gone after it but the upper folder's changes. */
export interface RunRequest {
  /** Topmost first; every mount target, /proc, /sys and /dev are there. */
  readonly lowers: readonly string[];
  readonly upper: string;
  readonly work: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  readonly hostname: string;
  readonly network: "default" | "none" | "host";
  /** `insecure`: every capability, no filter of system calls, nothing hidden. */
  readonly security: "sandbox" | "insecure";
  readonly limits?: RunLimits;
  /** Bytes of /dev/shm. */
  readonly shmSize: number;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly mounts: readonly RunMount[];
  readonly onOutput: (stream: "stdout" | "stderr", data: Uint8Array) => void;
  readonly signal?: AbortSignal;
}

/** Of one program, as docker's flags of the same names. */
export interface RunLimits {
  /** Bytes. */
  readonly memory?: number;
  /** Bytes of memory and swap together; -1 is unlimited. */
  readonly memorySwap?: number;
  readonly cpuShares?: number;
  /** Microseconds. */
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
}

export type RunMount =
  | {
      readonly kind: "bind";
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      /** A path in the source, which links in it cannot lead out of. */ readonly below?: string;
    }
  | { readonly kind: "overlay"; readonly lowers: readonly string[]; readonly upper: string; readonly work: string; readonly target: string }
  | { readonly kind: "tmpfs"; readonly target: string; readonly size?: number };

export interface Executor {
  /** Resolves with the exit code, 128 + signal when killed. Throws only when the program could not be started. */
  run(request: RunRequest): Promise<number>;
}

/** Brings an image that the store lacks (or a newer one with `refresh`). */
export interface ImagePuller {
  pull(
    reference: string,
    options: { readonly platform: Platform; readonly refresh: boolean; readonly onStatus?: (status: Status) => void; readonly signal?: AbortSignal },
  ): Promise<Descriptor>;
}
