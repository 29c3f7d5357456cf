/** config.json as data: the boundary between "what to run" and "how". Spec: OCI runtime-spec 1.2, config.md, config-linux.md. */

export interface Spec {
  readonly ociVersion: string;
  readonly process?: ProcessSpec;
  readonly root?: { readonly path: string; readonly readonly?: boolean };
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts?: readonly MountSpec[];
  readonly hooks?: Readonly<Record<string, readonly HookSpec[]>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: LinuxSpec;
}

export interface HookSpec {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** Seconds. */
  readonly timeout?: number;
}

export interface ProcessSpec {
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: { readonly uid: number; readonly gid: number; readonly umask?: number; readonly additionalGids?: readonly number[] };
  readonly args: readonly string[];
  readonly env?: readonly string[];
  readonly cwd: string;
  readonly capabilities?: Capabilities;
  readonly rlimits?: readonly { readonly type: string; readonly hard: number; readonly soft: number }[];
  readonly noNewPrivileges?: boolean;
  readonly oomScoreAdj?: number;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly scheduler?: SchedulerSpec;
  readonly ioPriority?: { readonly class: string; readonly priority?: number };
  /** Of a program that joins a container: lists of processors as in cpuset.cpus, before and after it is in its cgroups. */
  readonly execCPUAffinity?: { readonly initial?: string; readonly final?: string };
}

/** Times in nanoseconds. */
export interface SchedulerSpec {
  readonly policy: string;
  readonly nice?: number;
  readonly priority?: number;
  readonly flags?: readonly string[];
  readonly runtime?: number;
  readonly deadline?: number;
  readonly period?: number;
}

export interface Capabilities {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly permitted?: readonly string[];
  readonly ambient?: readonly string[];
}

export interface MountSpec {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  /** Not of the specification: of a bind, what is mounted of `source`. Nothing outside it is ever reached; missing folders are made. */
  readonly subPath?: string;
  /** mount(8) words: `rbind`, `ro`, `nosuid`, `rprivate`, `mode=755`… */
  readonly options?: readonly string[];
  /** Ids of the source as they show here; a user namespace's own when `idmap` is asked for without. */
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
}

export type NamespaceType = "pid" | "network" | "mount" | "ipc" | "uts" | "user" | "cgroup" | "time";

export interface IdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface LinuxSpec {
  /** A type absent here is shared with the host; with `path`, joined. */
  readonly namespaces?: readonly { readonly type: NamespaceType; readonly path?: string }[];
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
  /** Of a time namespace that is made here: what its clocks show more than this machine's. */
  readonly timeOffsets?: { readonly [clock in "monotonic" | "boottime"]?: { readonly secs?: number; readonly nanosecs?: number } };
  readonly devices?: readonly DeviceSpec[];
  readonly cgroupsPath?: string;
  readonly resources?: Resources;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly seccomp?: SeccompSpec;
  readonly rootfsPropagation?: string;
  /** SELinux's, of the files of mounts. */
  readonly mountLabel?: string;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly personality?: { readonly domain: string; readonly flags?: readonly string[] };
  /** Of 1.3. */
  readonly memoryPolicy?: { readonly mode: string; readonly nodes?: string; readonly flags?: readonly string[] };
}

export interface DeviceSpec {
  readonly type: "c" | "b" | "u" | "p";
  readonly path: string;
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface Resources {
  readonly devices?: readonly {
    readonly allow: boolean;
    readonly type?: "a" | "c" | "b";
    readonly major?: number;
    readonly minor?: number;
    readonly access?: string;
  }[];
  readonly cpu?: {
    readonly shares?: number;
    /** Microseconds each period; -1 is none. */
    readonly quota?: number;
    readonly period?: number;
    readonly burst?: number;
    /** 1: only when nothing else runs. */
    readonly idle?: number;
    /** Microseconds. */
    readonly realtimePeriod?: number;
    readonly realtimeRuntime?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  /** Bytes; -1 is unlimited. `swap` is memory plus swap. */
  readonly memory?: {
    readonly limit?: number;
    readonly swap?: number;
    readonly reservation?: number;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
    readonly useHierarchy?: boolean;
    readonly kernelTCP?: number;
    /** An update that is below what is used is refused. */
    readonly checkBeforeUpdate?: boolean;
  };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: {
    readonly weight?: number;
    readonly weightDevice?: readonly WeightDevice[];
    readonly throttleReadBpsDevice?: readonly ThrottleDevice[];
    readonly throttleWriteBpsDevice?: readonly ThrottleDevice[];
    readonly throttleReadIOPSDevice?: readonly ThrottleDevice[];
    readonly throttleWriteIOPSDevice?: readonly ThrottleDevice[];
  };
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  readonly network?: { readonly classID?: number; readonly priorities?: readonly { readonly name: string; readonly priority: number }[] };
  readonly rdma?: Readonly<Record<string, { readonly hcaHandles?: number; readonly hcaObjects?: number }>>;
  readonly unified?: Readonly<Record<string, string>>;
}

export interface ThrottleDevice {
  readonly major: number;
  readonly minor: number;
  readonly rate: number;
}

export interface WeightDevice {
  readonly major: number;
  readonly minor: number;
  readonly weight: number;
}

export interface SeccompSpec {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly syscalls?: readonly {
    readonly names: readonly string[];
    readonly action: string;
    readonly errnoRet?: number;
    readonly args?: readonly { readonly index: number; readonly value: number; readonly valueTwo?: number; readonly op: string }[];
  }[];
}
