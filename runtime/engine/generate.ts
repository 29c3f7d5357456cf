/** Pure: a container's record, with what its files and this machine say, as config.json. Spec: OCI runtime-spec 1.2, config.md, config-linux.md. */
import type { HostDevice } from "./devices.ts";
import type { ContainerRecord, MountPoint } from "../engine.ts";
import type { LinuxSpec, MountSpec, ProcessSpec, Resources, SeccompSpec, Spec } from "../spec.ts";
import { environment } from "./environment.ts";
import type { IdentityFiles } from "./hosts.ts";
import { resources } from "./limits.ts";
import { procResources } from "./proc/mounts.ts";
import { rlimits } from "./rlimits.ts";
import type { Account } from "./user.ts";

export interface GenerateInput {
  readonly record: ContainerRecord;
  readonly account: Account;
  readonly hostname: string;
  readonly files: IdentityFiles;
  readonly capabilities: readonly string[];
  readonly seccomp: SeccompSpec | undefined;
  readonly devices: readonly HostDevice[];
  /** Namespaces of other containers to join, by path. */
  readonly joined: { readonly pid?: string; readonly ipc?: string };
  /** The native minder: pid 1 where one is asked for. */
  readonly minder: string;
  /** Text of /proc/self/limits. */
  readonly ownLimits: string;
  /** Of the user namespace that this process and the container share, if any: `[inside, outside, size]`. */
  readonly groups: readonly (readonly [number, number, number])[] | undefined;
  /** Bound over /proc and /sys so that they show the limits. */
  readonly procMounts: readonly MountSpec[];
  readonly defaults: Defaults;
}

export interface Defaults {
  readonly mounts: readonly MountSpec[];
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly deviceRules: NonNullable<Resources["devices"]>;
}

/** On the container's own tmpfs, so that neither image nor upper folder needs a place for it. */
const INIT_PATH = "/dev/.strata-init";
const SHM_BYTES = 64 * 1024 * 1024;
/** Safe in a network namespace of one's own; docker sets the same. The kernel refuses a group that the user namespace does not map. */
function networkSysctls(groups: readonly (readonly [number, number, number])[] = [[0, 0, 2 ** 31]]): Readonly<Record<string, string>> {
  const [first, , size] = groups[0] ?? [0, 0, 1];
  return { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": `${first} ${first + size - 1}` };
}

export function generate(input: GenerateInput): Spec {
  const { record, hostname } = input;
  const { options } = record;
  return {
    ociVersion: "1.2.0",
    process: processSpec(input, programOf(record)),
    root: { path: "rootfs", readonly: options.readOnly ?? false },
    ...(options.utsMode !== "host" && { hostname, ...(options.domainname !== undefined && { domainname: options.domainname }) }),
    mounts: mounts(input),
    ...(options.annotations !== undefined && { annotations: options.annotations }),
    linux: linux(input),
  };
}

function programOf({ options, path, args }: ContainerRecord): readonly string[] {
  if (options.init === "pause") return [INIT_PATH, "pause"];
  return [...(options.init === true ? [INIT_PATH, "reap"] : []), path, ...args];
}

function processSpec(input: GenerateInput, args: readonly string[]): ProcessSpec {
  const { options, config } = input.record;
  const { account } = input;
  return {
    terminal: options.tty ?? false,
    user: { uid: account.uid, gid: account.gid, additionalGids: account.additionalGids },
    args,
    env: environment({ image: config.Env ?? [], flags: [], hostname: input.hostname, home: account.home, tty: options.tty ?? false }),
    cwd: config.WorkingDir === undefined || config.WorkingDir === "" ? "/" : config.WorkingDir,
    capabilities: capabilitySets(input.capabilities),
    ...(options.ulimits !== undefined && { rlimits: rlimits(options.ulimits, input.ownLimits) }),
    noNewPrivileges: options.noNewPrivileges ?? false,
    ...(confines(options.apparmor) && { apparmorProfile: options.apparmor }),
    ...(options.limits?.oomScoreAdj !== undefined && { oomScoreAdj: options.limits.oomScoreAdj }),
  };
}

/** Inheritable and ambient stay empty: a program of another user must not gain any by execve. */
export function capabilitySets(names: readonly string[]): NonNullable<ProcessSpec["capabilities"]> {
  return { bounding: names, effective: names, permitted: names, inheritable: [], ambient: [] };
}

export function confines(apparmor: string | undefined): apparmor is string {
  return apparmor !== undefined && apparmor !== "unconfined";
}

function mounts(input: GenerateInput): readonly MountSpec[] {
  const { record, files } = input;
  const taken = new Set(record.mounts.map((mount) => mount.target));
  const fixed = input.defaults.mounts.filter((mount) => !taken.has(mount.destination)).map((mount) => adapt(mount, record));
  const identity = [
    { destination: "/etc/resolv.conf", source: files.resolv },
    { destination: "/etc/hostname", source: files.hostname },
    { destination: "/etc/hosts", source: files.hosts },
  ].filter((mount) => !taken.has(mount.destination));
  const own = [
    ...identity.map((mount): MountSpec => ({ ...mount, type: "bind", options: ["rbind", "rprivate"] })),
    ...record.mounts.map((mount) => mountSpec(mount, typeof record.options.userNamespace === "object")),
  ];
  const init: MountSpec = { destination: INIT_PATH, type: "bind", source: input.minder, options: ["bind", "ro", "nosuid", "nodev", "rprivate"] };
  const sorted = own.toSorted((one, other) => one.destination.split("/").length - other.destination.split("/").length);
  const proc = input.procMounts.filter((mount) => !taken.has(mount.destination));
  return [...fixed, ...proc, ...(record.options.init === undefined || record.options.init === false ? [] : [init]), ...sorted];
}

function adapt(mount: MountSpec, record: ContainerRecord): MountSpec {
  const { options } = record;
  if (mount.destination === "/dev/shm") {
    return { ...mount, options: [...(mount.options ?? []).filter((word) => !word.startsWith("size=")), `size=${options.shmSize ?? SHM_BYTES}`] };
  }
  const isSystem = mount.destination === "/sys" || mount.destination === "/sys/fs/cgroup";
  return isSystem && options.privileged === true ? { ...mount, options: (mount.options ?? []).filter((word) => word !== "ro") } : mount;
}

/** A volume keeps the ids that its image gave, so that containers with other maps share it; a bind only when it is asked for (`idmap`). */
function mountSpec(mount: MountPoint, isMapped: boolean): MountSpec {
  const options = [...(mount.options ?? []), ...(mount.readOnly ? ["ro"] : [])];
  if (mount.kind === "tmpfs") return { destination: mount.target, type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "noexec", ...options] };
  const below = mount.subPath === undefined ? {} : { subPath: mount.subPath };
  return {
    destination: mount.target,
    type: "bind",
    source: mount.source,
    ...below,
    options: ["rbind", ...(mount.kind === "volume" ? ["rprivate"] : []), ...(mount.kind === "volume" && isMapped ? ["idmap"] : []), ...options],
  };
}

function linux(input: GenerateInput): LinuxSpec {
  const { record, defaults } = input;
  const { options } = record;
  const privileged = options.privileged ?? false;
  const unmasked = privileged || options.unmaskedProc === true;
  const maps = typeof options.userNamespace === "object" ? options.userNamespace : undefined;
  const ownNetwork = record.network.mode.kind === "bridge" || record.network.mode.kind === "none";
  return {
    namespaces: namespaces(input),
    ...(maps !== undefined && { uidMappings: maps.uidMap.map(mapping), gidMappings: maps.gidMap.map(mapping) }),
    ...(input.devices.length > 0 && { devices: input.devices.map((device) => device.spec) }),
    cgroupsPath: options.cgroupParent === undefined ? record.id : `${options.cgroupParent}/${record.id}`,
    resources: {
      ...procResources(resources(options.limits ?? {}), input.procMounts),
      devices: privileged ? [{ allow: true, access: "rwm" }] : deviceRules(input),
    },
    sysctl: { ...(ownNetwork && networkSysctls(maps?.gidMap ?? input.groups)), ...options.sysctls },
    ...(input.seccomp !== undefined && { seccomp: input.seccomp }),
    ...(isShared(record) && { rootfsPropagation: "shared" }), // else no mount of the container's would get out by a shared bind
    maskedPaths: unmasked ? [] : defaults.maskedPaths,
    readonlyPaths: unmasked ? [] : defaults.readonlyPaths,
  };
}

function namespaces(input: GenerateInput): NonNullable<LinuxSpec["namespaces"]> {
  const { options, network } = input.record;
  const { mode, namespace } = network;
  const shareNetwork = mode.kind === "host" || (mode.kind === "sandbox" && namespace === undefined);
  return [
    { type: "mount" },
    ...(options.utsMode === "host" ? [] : [{ type: "uts" } as const]),
    ...(options.cgroupns === "host" ? [] : [{ type: "cgroup" } as const]),
    ...(options.pidMode === "host" ? [] : [{ type: "pid", ...(input.joined.pid !== undefined && { path: input.joined.pid }) } as const]),
    ...(options.ipcMode === "host" ? [] : [{ type: "ipc", ...(input.joined.ipc !== undefined && { path: input.joined.ipc }) } as const]),
    ...(shareNetwork ? [] : [{ type: "network", ...(namespace !== undefined && { path: namespace }) } as const]),
    ...(typeof options.userNamespace === "object" ? [{ type: "user" } as const] : []),
  ];
}

function isShared({ mounts }: ContainerRecord): boolean {
  return mounts.some(({ options = [] }) => options.includes("shared") || options.includes("rshared"));
}

function mapping([containerID, hostID, size]: readonly [number, number, number]): {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
} {
  return { containerID, hostID, size };
}

function deviceRules(input: GenerateInput): NonNullable<Resources["devices"]> {
  const own = input.devices.flatMap(({ spec, access }) => {
    const type = spec.type === "b" ? "b" : "c";
    return spec.major === undefined || spec.minor === undefined ? [] : [{ allow: true, type, major: spec.major, minor: spec.minor, access } as const];
  });
  const asked = (input.record.options.deviceRules ?? []).map((rule) => ({ allow: true, ...rule }));
  return [...input.defaults.deviceRules, ...own, ...asked];
}
